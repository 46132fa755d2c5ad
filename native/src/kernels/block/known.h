/* SPDX-License-Identifier: Apache-2.0 */
/* The gradient of cross-entropy with labels from the statistics of an earlier forward, block by block. */
#ifndef XENT_BLOCK_KNOWN_H
#define XENT_BLOCK_KNOWN_H

#include "kernels/block/dense.h"
#include "kernels/block/wide.h"

typedef struct {
  block_rows rows;
  int32_t label[XENT_BLOCK_ROWS];
  lanes reference;
  block_outcome outcome;
} known_block_rows;

XENT_INLINE void known_outcome(const xent_call *call, known_block_rows *b) {
  const xent_statistics none = {.sum = 1};
  float reference[XENT_BLOCK_ROWS];
  double sum[XENT_BLOCK_ROWS], label_e[XENT_BLOCK_ROWS], c[XENT_BLOCK_ROWS];
  uint32_t leave = 0;
  for (int i = 0; i < XENT_BLOCK_ROWS; i++) {
    const bool here = i < b->rows.count;
    const int64_t row = here ? block_row(&b->rows, i) : 0;
    const xent_statistics *s = here ? &call->known_statistics[row] : &none;
    reference[i] = s->reference;
    sum[i] = s->sum;
    label_e[i] = s->mass;
    c[i] = gradient_scale_of(call->options);
    if (here && call->upstream)
      c[i] *= (double)call->upstream[row_offset(call->shape, &call->shape->upstream, row)];
    if (s->kind & XENT_ROW_SPECIAL || s->shift != 0) leave |= 1u << i;
  }
  block_statistics s = {.sum = dlanes_load(sum), .label_e = dlanes_load(label_e)};
  s.total = dlanes_add(s.sum, s.label_e);
  b->reference = lanes_load(reference);
  b->outcome.f = block_factor(&s, dlanes_load(c), &leave);
  lanes_store(b->outcome.label_gradient, block_label_gradient(&s, dlanes_load(c)));
  b->outcome.stay = block_all_rows(&b->rows) & ~leave;
}

/* y = e(x; N) * f of rows that lie one behind the other. */
XENT_INLINE void known_dense_step(const dense_layout *d, const float *x, float *y, int64_t k, const int count,
                                  exp_references r, lanes f) {
  lanes v[XENT_BATCH_MAX];
  dense_exp_parts(d, x, k, count, r, v);
  XENT_UNROLL(2)
  for (int j = 0; j < count; j++)
    lanes_store_dense(y, d->n, k + j, lanes_mul(v[j], lanes_spread(f, d->rows, k + j)));
}

XENT_INLINE void known_dense(const xent_call *call, const dense_layout *d, const known_block_rows *b) {
  const int64_t n = d->n;
  const exp_references r = exp_references_of(b->reference);
  const float *x = call->logits + b->rows.first * n;
  float *y = call->output + b->rows.first * n;
  int64_t k = 0;
  for (; k + 2 <= n; k += 2) known_dense_step(d, x, y, k, 2, r, b->outcome.f);
  if (k < n) known_dense_step(d, x, y, k, 1, r, b->outcome.f);
  for (int i = 0; i < XENT_BLOCK_ROWS; i++) y[i * n + b->label[i]] = b->outcome.label_gradient[i];
}

/* Row by row, as they lie anywhere. */
XENT_INLINE void known_rows(const xent_call *call, const known_block_rows *b) {
  float reference[XENT_BLOCK_ROWS], f[XENT_BLOCK_ROWS];
  lanes_store(reference, b->reference);
  lanes_store(f, b->outcome.f);
  for (uint32_t stay = b->outcome.stay; stay; stay &= stay - 1) {
    const int i = __builtin_ctz(stay);
    const int64_t row = block_row(&b->rows, i);
    const float *x = call->logits + row_offset(call->shape, &call->shape->logits, row);
    float *y = call->output + row_offset(call->shape, call->output_layout, row);
    emit_exp(x, y, call->shape->classes, reference[i], (factor){.f = f[i], .b = -0.0f, .tiny = false}, call->stream);
    y[b->label[i]] = b->outcome.label_gradient[i];
  }
}

XENT_SHARED xent_status known_labels_in_blocks(const xent_call *call, row_kernel kernel) {
  const bool few = call->shape->classes <= XENT_DENSE;
  known_block_rows b;
  dense_layout d;
  block_source source = {.call = call, .kernel = kernel, .row = call->row_begin};
  if (few) dense_begin(&d, call->shape->classes);
  for (;;) {
    block_take(&source, &b.rows, b.label, true, XENT_BLOCK_ROWS);
    if (b.rows.count == 0) return source.status;
    known_outcome(call, &b);
    if (few && b.outcome.stay == 0xffff && block_is_dense(call, &b.rows, &call->shape->logits) &&
        block_is_dense(call, &b.rows, call->output_layout))
      known_dense(call, &d, &b);
    else
      known_rows(call, &b);
    const xent_status status = rows_alone(call, &b.rows, block_all_rows(&b.rows) & ~b.outcome.stay, kernel);
    if (status) return status;
  }
}

#endif
