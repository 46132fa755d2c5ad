/* SPDX-License-Identifier: Apache-2.0 */
/* The gradient of cross-entropy from the statistics of an earlier forward: factors of sixteen rows at a time, then the
 * rows again. */
#ifndef XENT_STATISTICS_H
#define XENT_STATISTICS_H

#include "kernels/paths/generic/rows_of_any_length.h"
#include "kernels/stages/rows/known.h"
#include "kernels/paths/dense.h"

XENT_SHARED xent_status known_dense_rows(const xent_call *call, xent_kernel fallback) {
  const job of = job_of(call), *const j = &of;
  row_reader reader = {.j = j, .row = call->row_begin};
  dense_block b;
  dense_call d;
  dense_begin(&d, j);
  for (;;) {
    take_rows(&reader, &b.sums.rows, b.label, XENT_ROWS, true);
    if (b.sums.rows.count == 0) return reader.status;
    dense_load(&d, &b);
    known_outcome(j, b.label, &b.sums, &b.outcome);
    dense_exp(&d, b.x, b.e, lanes_load(b.sums.reference));
    dense_emit(&d, &b);
    const xent_status status = rows_alone(j, &b.sums.rows, b.outcome.regular, fallback);
    if (status) return status;
  }
}

/* Rows of at most 1024 classes: sixteen factors at once, then one row after the other. */
XENT_SHARED xent_status known_flow_rows(const xent_call *call, xent_kernel fallback) {
  const job of = job_of(call), *const j = &of;
  const xent_shape *s = call->shape;
  const int64_t n = s->classes;
  const strided y = {.stride = call->output_layout->classes, .type = call->output_layout->type};
  XENT_ALIGNED float input[XENT_EXACT_MAX], out[XENT_STEP], slopes[XENT_STEP];
  row_context r = row_context_of(j, call->row_begin, (row_buffers){input, out, slopes, XENT_EXACT_MAX});
  const bool direct = is_direct(&y) && r.x.cap == 0 && !j->per_class && !j->sparse;
  row_reader reader = {.j = j, .row = call->row_begin};
  int32_t label[XENT_ROWS];
  float f[XENT_ROWS], b[XENT_ROWS];
  row_sums in;
  row_outcome o;
  for (;;) {
    take_rows(&reader, &in.rows, label, XENT_ROWS, false);
    if (in.rows.count == 0) return reader.status;
    known_outcome(j, label, &in, &o);
    lanes_store(f, o.f);
    lanes_store(b, o.b);
    for (uint32_t rest = o.regular; rest; rest &= rest - 1) {
      const int i = __builtin_ctz(rest);
      const int64_t row = row_of(&in.rows, i);
      const emission m = {.references = exp_everywhere(exp_reference_of(in.reference[i], &j->temperature)),
                          .temperature = &j->temperature, .f = f[i], .b = b[i]};
      move_row_source(&r.x, span_of_row(call, row), call->logits, &s->logits);
      if (direct && (!call->class_mask || masked_are_zero(&m, false))) {
        float *to = (float *)(uintptr_t)direct_row(call, call->output, call->output_layout, row);
        const strided place = {.at = (const char *)to, .stride = 1, .type = XENT_F32};
        if (layouts_agree(&r.x, &place, n)) /* masked */
          emit_straight(&m, &r.x, &place, 0, n, call->stream);
        else
          emit_again(&m, row_floats(&r.x, 0, n, 0.0f, input), to, n, call->stream);
        if (j->labels) to[label[i]] = o.label_gradient[i];
        continue;
      }
      r.t.label = j->labels ? label[i] : XENT_NO_CLASS;
      r.t.row_weight = j->plain ? 1 : in.row_weight[i];
      const row_constants c = constants_of_row(j, &o, i);
      write_row(&r, known_statistics_at(call, row), 0, n, &c);
    }
    const xent_status status = rows_alone(j, &in.rows, o.regular, fallback);
    if (status) return status;
  }
}

#endif
