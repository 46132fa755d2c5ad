/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gradient of cross-entropy from the statistics of an earlier forward, for rows of up to 1024 classes: first
 * factors of sixteen rows at a time, then the rows again, in place or one after the other.
 */
#ifndef XENT_BACKWARD_STATISTICS_H
#define XENT_BACKWARD_STATISTICS_H

#include "kernels/rows/gradient.h"
#include "kernels/schedules/dense.h"
#include "kernels/schedules/flow.h"

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

XENT_INLINE void known_row(const flow *f, flow_block *b, int row) {
  const xent_call *call = f->j->call;
  const int64_t at = row_of(&b->sums.rows, row);
  const emission m = {.references = exp_everywhere(exp_reference_of(b->sums.reference[row], &f->j->temperature)),
                      .temperature = &f->j->temperature, .f = b->factor[row], .b = b->b[row]};
  if (!f->straight) {
    row_source *x = &flow_row_at_hand(f, b, row)->x;
    const strided to = strided_at(call->output, call->output_layout, row_offset(call->shape, call->output_layout, at));
    if (!f->j->per_class && !f->j->sparse && layouts_agree(x, &to, f->n)) {
      emit_straight(&m, x, &to, 0, f->n, call->stream);
      if (f->j->labels) strided_set(&to, b->label[row], b->outcome.label_gradient[row]);
      return;
    }
    x->slopes = f->slopes;
    copy_row(x, 0, f->n, 0.0f, b->x[row]);
    flow_write_row(f, b, row);
    return;
  }
  float *y = (float *)(uintptr_t)direct_row(call, call->output, call->output_layout, at);
  emit_again(&m, direct_row(call, call->logits, &call->shape->logits, at), y, f->n, call->stream);
  if (f->j->labels) y[b->label[row]] = b->outcome.label_gradient[row];
}
XENT_SHARED xent_status known_flow_rows(const xent_call *call, xent_kernel fallback) {
  const job of = job_of(call), *const j = &of;
  row_context row;
  flow f;
  flow_begin(&f, j, fallback, &row);
  XENT_ALIGNED float copy[XENT_FLOW_MOST], slopes[XENT_FLOW_MOST];
  flow_block b;
  f.pitch = 0; /* all rows use the same buffer in turn */
  f.place = XENT_FLOW_NOT_KEPT;
  f.slopes = row.x.cap != 0 ? slopes : NULL;
  f.straight = f.straight && f.direct && !j->per_class;
  for (int i = 0; i < XENT_ROWS; i++) b.x[i] = b.e[i] = copy;
  for (;;) {
    take_rows(&f.reader, &b.sums.rows, b.label, XENT_ROWS, false);
    if (b.sums.rows.count == 0) return f.reader.status;
    known_outcome(j, b.label, &b.sums, &b.outcome);
    lanes_store(b.factor, b.outcome.f);
    lanes_store(b.b, b.outcome.b);
    for (uint32_t rest = b.outcome.regular; rest; rest &= rest - 1) known_row(&f, &b, __builtin_ctz(rest));
    const xent_status status = rows_alone(j, &b.sums.rows, b.outcome.regular, fallback);
    if (status) return status;
  }
}

#endif
