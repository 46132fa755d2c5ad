/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block: up to sixteen rows of one chunk side by side, lane i of every vector being the block's row i.
 * Whatever pass over the logits made the maxima and the sums, what follows is the arithmetic of row/finish.h
 * for sixteen rows at once. A row of one chunk is its own fold: S = s * 2^-30, N that of the chunk.
 * Rows that need more than this arithmetic are marked; they leave the block and are computed one by one.
 */
#ifndef XENT_BLOCK_STATISTICS_H
#define XENT_BLOCK_STATISTICS_H

#include "kernels/kernels.h"
#include "kernels/math/exponential.h"
#include "kernels/math/logarithm.h"

enum { XENT_BLOCK_ROWS = XENT_LANES };

typedef struct {
  lanes max, reference; /* M, never -0; N */
  lanes label_logit;    /* with labels */
  dlanes sum;           /* S, or with labels the sum over the others */
  dlanes label_e;       /* e of the label, * 2^-30; +0 without labels */
  dlanes total;         /* S */
  uint32_t special;     /* rows with NaN, +inf, nothing but -inf, or |M| beyond the limit */
} block_statistics;

/* From the largest logits as they come (-0 or +0), the chunks' references and their sums. */
XENT_INLINE block_statistics block_softmax_statistics(lanes max, lanes reference, dlanes sum_of_chunk) {
  const dlanes S = dlanes_scale(sum_of_chunk, XENT_UNSCALE);
  return (block_statistics){.max = lanes_add(max, lanes_set(0.0f)),
                            .reference = reference,
                            .label_logit = lanes_set(0.0f),
                            .sum = S,
                            .label_e = dlanes_zero(),
                            .total = S,
                            .special = lanes_bits_beyond(max, XENT_LIMIT) | dlanes_bits_nan(S)};
}

/* The same for cross-entropy with labels; the sums are without the labels' classes. */
XENT_INLINE block_statistics block_label_statistics(lanes max, lanes reference, dlanes sum_of_chunk,
                                                    lanes label_logit) {
  block_statistics s = block_softmax_statistics(max, reference, sum_of_chunk);
  lanes e[1] = {label_logit};
  exp_lanes_at(e, 1, exp_references_of(reference));
  s.label_logit = label_logit;
  s.label_e = dlanes_scale(dlanes_widen(e[0]), XENT_UNSCALE);
  s.total = dlanes_add(s.sum, s.label_e);
  s.special |= dlanes_bits_nan(s.total);
  return s;
}

/* e of the largest logits, * 2^-30 */
XENT_INLINE dlanes block_largest_e(const block_statistics *s) {
  lanes e[1] = {s->max};
  exp_lanes_at(e, 1, exp_references_of(s->reference));
  return dlanes_scale(dlanes_widen(e[0]), XENT_UNSCALE);
}

/* Where a <= b the value log1p(p / q); elsewhere, exponent being that of S, fma(N, ln2, log S) - M. Both are one
 * series, each in its own argument: so sixteen rows of either kind need two divisions. */
XENT_INLINE dlanes block_logarithm(const block_statistics *s, dlanes a, dlanes b, dlanes p, dlanes q) {
  const dlanes ln2 = dlanes_set(XENT_LN2), one = dlanes_set(1), ratio = dlanes_div(p, q);
  dlanes k;
  const dlanes m = dlanes_split(s->total, &k);
  const dlanes above = dlanes_where_at_most(a, b, ratio, dlanes_sub(m, one));
  const dlanes below = dlanes_where_at_most(a, b, dlanes_add(dlanes_set(2), ratio), dlanes_add(m, one));
  const dlanes log = log_series_rows(dlanes_div(above, below));
  const dlanes far = dlanes_sub(dlanes_fma(dlanes_widen(s->reference), ln2, dlanes_fma(k, ln2, log)),
                                dlanes_widen(s->max));
  return dlanes_where_at_most(a, b, log, far);
}

/* D = log-sum-exp - max, never negative */
XENT_INLINE dlanes block_distance(const block_statistics *s) {
  const dlanes S = s->total, E = block_largest_e(s), twice = dlanes_add(E, E);
  return dlanes_where_at_most(S, E, dlanes_zero(), block_logarithm(s, S, twice, dlanes_sub(S, E), E));
}

#endif
