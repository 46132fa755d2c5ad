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

/* L of labels, before smoothing and rounding. */
XENT_INLINE dlanes block_label_loss(const block_statistics *s, dlanes distance) {
  const dlanes q = dlanes_div(s->sum, s->label_e), one = dlanes_set(1);
  const dlanes gap = dlanes_sub(dlanes_widen(s->max), dlanes_widen(s->label_logit));
  const dlanes far = dlanes_add(distance, gap);
  if (!dlanes_bits_at_most(q, one)) return far;
  return dlanes_where_at_most(q, one, log1p_small_rows(q), far);
}

/* Of labels, without smoothing. */
XENT_INLINE lanes block_loss(const block_statistics *s, dlanes distance) {
  return dlanes_narrow(block_label_loss(s, distance));
}

/* The same where D is not asked for: a label that has half of its row needs none, so every row needs one
 * logarithm. S_o <= e_y is what q <= 1 says: next to 1, no quotient of two doubles above 1 rounds down to it. */
XENT_INLINE lanes block_loss_alone(const block_statistics *s) {
  const dlanes S = s->total, E = block_largest_e(s), none = dlanes_zero(), all = dlanes_set(INFINITY);
  const dlanes twice = dlanes_add(E, E), largest = dlanes_widen(s->max);
  /* the comparison that block_logarithm makes: true for labels with half of their row, else S <= 2 E */
  const dlanes a = dlanes_where_at_most(s->sum, s->label_e, none, S);
  const dlanes b = dlanes_where_at_most(s->sum, s->label_e, all, twice);
  const dlanes p = dlanes_where_at_most(s->sum, s->label_e, s->sum, dlanes_sub(S, E));
  const dlanes q = dlanes_where_at_most(s->sum, s->label_e, s->label_e, E);
  const dlanes log = block_logarithm(s, a, b, p, q);
  const dlanes distance = dlanes_where_at_most(S, E, none, log);
  const dlanes far = dlanes_add(distance, dlanes_sub(largest, dlanes_widen(s->label_logit)));
  return dlanes_narrow(dlanes_where_at_most(s->sum, s->label_e, log, far));
}

/* float(2^-30 / S), which is a normal float. Where the sum s is a float, S = s * 2^-30 exactly, and the quotient
 * 1 / s of floats rounded to double and then to float is the one rounded to float: 53 >= 2 * 24 + 2. */
XENT_INLINE lanes block_softmax_factor(const block_statistics *s) {
  return dlanes_narrow(dlanes_div(dlanes_set(XENT_UNSCALE), s->total));
}
XENT_INLINE lanes block_softmax_factor_of_float(lanes sum_of_chunk) { return lanes_div(lanes_set(1), sum_of_chunk); }

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
  int64_t first;
  int count;     /* lanes behind hold no row of the tensor */
  bool adjacent; /* row i of the block is first + i, else row[i] */
  int64_t row[XENT_BLOCK_ROWS]; /* read where not adjacent */
} block_rows;

XENT_INLINE int64_t block_row(const block_rows *b, int i) { return b->adjacent ? b->first + i : b->row[i]; }

XENT_INLINE uint32_t block_all_rows(const block_rows *b) { return (1u << b->count) - 1; }

/* One number per row. Rows that have left are written too: what computes them writes them again. */
XENT_INLINE void block_write(const xent_call *call, const block_rows *b, const xent_layout *layout, float *to,
                             lanes values) {
  if (b->adjacent && call->shape->inner == 1 && layout->outer == 1) {
    lanes_store_part(to + b->first, b->count, values);
    return;
  }
  float v[XENT_BLOCK_ROWS];
  lanes_store(v, values);
  for (int i = 0; i < b->count; i++) to[row_offset(call->shape, layout, block_row(b, i))] = v[i];
}

/* first: rows whose label is the first of its largest logits. */
XENT_INLINE void block_write_hits(const xent_call *call, const block_rows *b, uint32_t first) {
  for (int i = 0; i < b->count; i++)
    call->hits[row_offset(call->shape, &call->shape->hits, block_row(b, i))] = first >> i & 1;
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
    call->statistics[block_row(b, i)] = (xent_statistics){
        .max = max[i], .reference = reference[i], .kind = kind, .sum = sum[i], .mass = mass[i]};
}

/* What becomes of the rows of a block in the second pass. Its fields are stored where they stay: a copy of the whole would
 * be loaded in wider pieces than they were stored, and wait until every store is done. */
typedef struct {
  lanes max, f;                          /* y = e * f; or for log-softmax y = (x - max) + f */
  float label_gradient[XENT_BLOCK_ROWS]; /* with labels: written over the label's class */
  uint32_t stay;                         /* rows that are finished here; the others have left the block */
} block_outcome;

XENT_INLINE void softmax_outcome(const xent_call *call, const block_rows *rows, lanes max, dlanes sum, block_outcome *r) {
  const block_statistics s = block_softmax_statistics(max, references_for(max), sum);
  r->max = r->f = s.max;
  r->stay = block_all_rows(rows) & ~s.special;
  if (call->log_sum_exp)
    block_write(call, rows, &call->shape->log_sum_exp, call->log_sum_exp, block_log_sum_exp(&s, block_distance(&s)));
  else if (call->log)
    r->f = dlanes_narrow(dlanes_sub(dlanes_zero(), block_distance(&s)));
  else
    r->f = block_softmax_factor(&s);
}

/* The same where the sums are floats, of rows of one group. */
XENT_INLINE void softmax_outcome_of_floats(const xent_call *call, const block_rows *rows, lanes max, lanes sum,
                                           block_outcome *r) {
  if (call->log_sum_exp || call->log) {
    softmax_outcome(call, rows, max, dlanes_widen(sum), r);
    return;
  }
  r->max = max;
  r->f = block_softmax_factor_of_float(sum);
  r->stay = block_all_rows(rows) & ~(lanes_bits_beyond(max, XENT_LIMIT) | lanes_bits_nan(sum));
}

/* Writes what cross-entropy with labels has beside the gradient. stay: the rows that do not leave; first: those whose
 * label is the first of the largest logits. */
XENT_INLINE void write_label_results(const xent_call *call, const block_rows *rows, const block_statistics *s,
                                     uint32_t stay, uint32_t first) {
  lanes losses = lanes_set(0.0f);
  if (call->log_sum_exp) {
    const dlanes distance = block_distance(s);
    block_write(call, rows, &call->shape->log_sum_exp, call->log_sum_exp, block_log_sum_exp(s, distance));
    losses = block_loss(s, distance);
  } else if (call->losses || call->tally) {
    losses = block_loss_alone(s);
  }
  if (call->losses) block_write(call, rows, &call->shape->losses, call->losses, losses);
  if (call->tally) block_add_losses(call, losses, stay);
  if (call->hits) block_write_hits(call, rows, first);
  if (call->statistics) block_write_statistics(call, rows, s, XENT_KIND_LABEL);
  call->report->counted += __builtin_popcount(stay);
}

/* Cross-entropy with labels. first: rows whose label is the first of the largest logits. */
XENT_INLINE void label_outcome(const xent_call *call, const block_rows *rows, lanes max, dlanes sum, lanes label_logit,
                               uint32_t first, block_outcome *r) {
  const block_statistics s = block_label_statistics(max, references_for(max), sum, label_logit);
  r->max = r->f = s.max;
  uint32_t leave = s.special;
  if (call->output) {
    const dlanes c = dlanes_set(gradient_scale_of(call->options));
    r->f = block_factor(&s, c, &leave);
    lanes_store(r->label_gradient, block_label_gradient(&s, c));
  }
  r->stay = block_all_rows(rows) & ~leave;
  write_label_results(call, rows, &s, r->stay, first);
}

#endif
