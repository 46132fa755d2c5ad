/* SPDX-License-Identifier: Apache-2.0 */
/* softmax, log-softmax and log-sum-exp in float64 arithmetic. */
#ifndef XENT_WIDE_SOFTMAX_H
#define XENT_WIDE_SOFTMAX_H

#include "kernels/wide/emit.h"

XENT_SHARED void f64_softmax_row(const xent_call *call, const f64_row *r, const xent_statistics *s, int64_t begin,
                                  int64_t end, f64_buffers *buffers) {
  const f64_array y = f64_array_of(call, call->output, call->output_layout, r->span);
  if (s->kind & XENT_ROW_SPECIAL) {
    const double masked = call->log ? -INFINITY : 0;
    f64_fill(&y, begin, end, s->kind & XENT_ROW_MASKED ? masked : XENT_WIDE_NAN);
    return;
  }
  const double total = f64_total(s) * XENT_RESCALE, minus_distance = call->log ? 0 - f64_distance(s) : 0;
  for (int64_t i = begin; i < end; i += XENT_PIECE) {
    const int64_t n = piece_length(i, end);
    const double *x = f64_prepared(&r->logits, i, n, s->wide_shift, buffers->x, NULL);
    double *out = f64_room(&y, i, buffers->out);
    if (call->log)
      f64_emit_log(x, out, n, s->wide_max, minus_distance);
    else
      f64_emit_softmax(x, out, n, (double)s->reference, total);
    f64_store(&y, i, n, out);
  }
}

static xent_status f64_softmax(const xent_call *call) {
  f64_buffers buffers;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const f64_row r = f64_row_of_logits(call, row);
    if (call->known_statistics) {
      const int64_t end = call->class_end < r.logits.classes ? call->class_end : r.logits.classes;
      f64_softmax_row(call, &r, &call->known_statistics[row], call->class_begin, end, &buffers);
      continue;
    }
    f64_fold fold;
    xent_statistics s;
    f64_whole_row(&r, &buffers, &fold, &s);
    f64_softmax_row(call, &r, &s, 0, r.logits.classes, &buffers);
  }
  return XENT_OK;
}

static xent_status f64_log_sum_exp_rows(const xent_call *call) {
  const xent_layout *l = &call->shape->log_sum_exp;
  f64_buffers buffers;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    const f64_row r = f64_row_of_logits(call, row);
    f64_fold fold;
    xent_statistics s;
    f64_whole_row(&r, &buffers, &fold, &s);
    const double distance = s.kind & XENT_ROW_SPECIAL ? 0 : f64_distance(&s);
    put_float(call->log_sum_exp, l, row_offset(call->shape, l, row), f64_log_sum_exp(&s, distance));
  }
  return XENT_OK;
}

#endif
