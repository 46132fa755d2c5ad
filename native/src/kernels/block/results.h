/* SPDX-License-Identifier: Apache-2.0 */
/* The results of the rows of a block (docs/numerics.md, "Results of a row"), and where they are written. */
#ifndef XENT_BLOCK_RESULTS_H
#define XENT_BLOCK_RESULTS_H

#include "kernels/block/statistics.h"
#include "kernels/row/labels.h"
#include "numerics/tally.h"

XENT_INLINE lanes block_log_sum_exp(const block_statistics *s, dlanes distance) {
  return dlanes_narrow(dlanes_add(dlanes_widen(s->max), distance));
}

/* Of labels, without smoothing. */
XENT_INLINE lanes block_loss(const block_statistics *s, dlanes distance) {
  const dlanes q = dlanes_div(s->sum, s->label_e), one = dlanes_set(1);
  const dlanes gap = dlanes_sub(dlanes_widen(s->max), dlanes_widen(s->label_logit));
  const dlanes far = dlanes_add(distance, gap);
  if (!dlanes_bits_at_most(q, one)) return dlanes_narrow(far);
  return dlanes_narrow(dlanes_where_at_most(q, one, log1p_small_rows(q), far));
}

/* float(G) of G = 2^-30 / S * c. Rows in which it is neither 0 nor a normal float leave the block. */
XENT_INLINE lanes block_factor(const block_statistics *s, dlanes c, uint32_t *leave) {
  const dlanes G = dlanes_mul(dlanes_div(dlanes_set(XENT_UNSCALE), s->total), c), size = dlanes_magnitude(G);
  const uint32_t normal = dlanes_bits_at_most(dlanes_set(0x1p-126), size) &
                          dlanes_bits_at_most(size, dlanes_set(FLT_MAX));
  *leave |= ~(normal | dlanes_bits_at_most(size, dlanes_zero())) & 0xffff;
  return dlanes_narrow(G);
}

/* Of the label, without smoothing: (0 - S_o / S) * c */
XENT_INLINE lanes block_label_gradient(const block_statistics *s, dlanes c) {
  return dlanes_narrow(dlanes_mul(dlanes_sub(dlanes_zero(), dlanes_div(s->sum, s->total)), c));
}

/* Which rows of the tensor a block holds. */
typedef struct {
  int64_t row[XENT_BLOCK_ROWS];
  int count;     /* rows behind are none of the tensor's */
  bool adjacent; /* row[i] = row[0] + i */
} block_rows;

XENT_INLINE uint32_t block_all_rows(const block_rows *b) { return (1u << b->count) - 1; }

/* One number per row. Rows that have left are written too: what computes them writes them again. */
XENT_INLINE void block_write(const xent_call *call, const block_rows *b, const xent_layout *layout, float *to,
                             lanes values) {
  if (b->adjacent && call->shape->inner == 1 && layout->outer == 1) {
    lanes_store_part(to + b->row[0], b->count, values);
    return;
  }
  float v[XENT_BLOCK_ROWS];
  lanes_store(v, values);
  for (int i = 0; i < b->count; i++) to[row_offset(call->shape, layout, b->row[i])] = v[i];
}

/* first: rows whose label is the first of its largest logits. */
XENT_INLINE void block_write_hits(const xent_call *call, const block_rows *b, uint32_t first) {
  for (int i = 0; i < b->count; i++)
    call->hits[row_offset(call->shape, &call->shape->hits, b->row[i])] = first >> i & 1;
}

XENT_INLINE void block_add_losses(const xent_call *call, lanes losses, uint32_t rows) {
  float v[XENT_BLOCK_ROWS];
  lanes_store(v, losses);
  for (; rows; rows &= rows - 1) tally_add_one(call->tally, v[__builtin_ctz(rows)]);
}

XENT_INLINE void block_write_statistics(const xent_call *call, const block_rows *b, const block_statistics *s,
                                        uint32_t kind) {
  float max[XENT_BLOCK_ROWS], reference[XENT_BLOCK_ROWS];
  double sum[XENT_BLOCK_ROWS], mass[XENT_BLOCK_ROWS];
  lanes_store(max, s->max);
  lanes_store(reference, s->reference);
  dlanes_store(sum, s->sum);
  dlanes_store(mass, s->label_e);
  for (int i = 0; i < b->count; i++)
    call->statistics[b->row[i]] = (xent_statistics){
        .max = max[i], .reference = reference[i], .kind = kind, .sum = sum[i], .mass = mass[i]};
}

/* Everything that cross-entropy with labels writes per row. rows: those that have not left. */
XENT_INLINE void block_write_label_results(const xent_call *call, const block_rows *b, const block_statistics *s,
                                           uint32_t first, uint32_t rows) {
  const bool loss_wanted = call->losses || call->tally;
  if (loss_wanted || call->log_sum_exp) {
    const dlanes distance = block_distance(s);
    if (call->log_sum_exp)
      block_write(call, b, &call->shape->log_sum_exp, call->log_sum_exp, block_log_sum_exp(s, distance));
    if (loss_wanted) {
      const lanes losses = block_loss(s, distance);
      if (call->losses) block_write(call, b, &call->shape->losses, call->losses, losses);
      if (call->tally) block_add_losses(call, losses, rows);
    }
  }
  if (call->hits) block_write_hits(call, b, first);
  if (call->statistics) block_write_statistics(call, b, s, XENT_KIND_LABEL);
}

#endif
