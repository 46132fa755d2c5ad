/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of log-sum-exp for rows whose result is close to 0, or that have +inf; exact_distance
 * (native/test/contract/f64.c) is the plain form. */
#ifndef XENT_F64_LOG_SUM_EXP_H
#define XENT_F64_LOG_SUM_EXP_H

#include "kernels/paths/f64/f64_order.h"
#include "kernels/math/f64_logarithm.h"

/* Whether one of n classes of row j from `begin` on is NaN. */
XENT_SHARED bool f64_has_nan(const f64_block *k, int j, int64_t begin, int64_t n) {
  for (int64_t i = begin; i < begin + n; i += XENT_PIECE) {
    const int64_t part = f64_part(i, begin + n, XENT_PIECE);
    const double *x = f64_prepared(&k->rows[j].logits, i, part, k->sums.shift[j], k->b->x, NULL);
    for (int64_t e = 0; e < part; e++)
      if (x[e] != x[e]) return true;
  }
  return false;
}

/* A chunk of row j without one of its classes, which counts only for the maximum. It goes piece by piece, because its
 * sum is exact. */
XENT_SHARED f64_fold f64_chunk_without(const f64_block *k, int j, int64_t begin, int64_t n, int64_t class) {
  const f64_row *r = k->rows + j;
  f64_fold f = {.sum = pair_of(doubles_set(0))};
  doubles own = doubles_set(-INFINITY), others = own;
  for (int64_t i = 0; i < n; i += XENT_PIECE) {
    const int64_t part = f64_part(i, n, XENT_PIECE), without = class - begin - i;
    const double *x = f64_prepared(&r->logits, begin + i, part, 0, k->b->x, NULL);
    const bool here = without >= 0 && without < part;
    if (here) own = doubles_set(x[without]);
    others = doubles_max(f64_largest(x, part, here ? without : XENT_NO_CLASS, false), others);
  }
  f.max = doubles_add(doubles_max(own, others), doubles_set(0));
  f.reference = f64_reference_for(f.max, r->temperature);
  const f64_reference of = f64_reference_of(f.reference, r->temperature);
  const f64_grids g = f64_grids_for(others, f.reference, r->temperature);
  for (int64_t i = 0; i < n; i += XENT_PIECE) {
    const int64_t part = f64_part(i, n, XENT_PIECE), without = class - begin - i;
    const double *x = f64_prepared(&r->logits, begin + i, part, 0, k->b->x, NULL);
    const bool here = without >= 0 && without < part;
    const pair sum = f64_sum_exponentials(x, NULL, part, here ? without : XENT_NO_CLASS, &of, g);
    f.sum = (pair){doubles_add(f.sum.high, sum.high), doubles_add(f.sum.low, sum.low)};
  }
  f.sum = f64_across_sum(f.sum, false);
  return f;
}

/* The sum of row j without its first largest class; if the sink is larger, without the sink. */
XENT_SHARED double f64_sum_of_others(const f64_block *k, int j) {
  const f64_sums *g = &k->sums;
  const row_source *in = &k->rows[j].logits;
  const bool sink = g->class_max[j] != g->max[j];
  const int64_t class = sink ? XENT_NO_CLASS : f64_first_equal(in, g->max[j], in->classes, k->b);
  f64_fold f = f64_chunk_without(k, j, 0, f64_part(0, in->classes, XENT_CHUNK), class);
  for (int64_t i = XENT_CHUNK; i < in->classes; i += XENT_CHUNK) {
    const f64_fold c = f64_chunk_without(k, j, i, f64_part(i, in->classes, XENT_CHUNK), class);
    f64_fold_sum(&f, c.max, c.reference, c.sum);
  }
  f64_fold_sinks(k, j, !sink, &f);
  return doubles_first(pair_value(f.sum));
}

#endif
