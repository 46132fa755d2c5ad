/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of few classes side by side: as many as a register holds, one number of each. */
#ifndef XENT_F64_DENSE_H
#define XENT_F64_DENSE_H

#include "kernels/f64/sum.h"

enum { XENT_F64_DENSE = 128 }; /* classes, at most */

/* What the first pass knows of so many rows. */
typedef struct {
  double max[XENT_DOUBLES], reference[XENT_DOUBLES], sum[XENT_DOUBLES], label_logit[XENT_DOUBLES];
  double dot[XENT_DOUBLES], mass[XENT_DOUBLES], counted[XENT_DOUBLES], shift[XENT_DOUBLES];
  double label_weight[XENT_DOUBLES], row_weight[XENT_DOUBLES];
  /* settled from here on */
  double label_e[XENT_DOUBLES], total[XENT_DOUBLES], distance[XENT_DOUBLES], log_sum_exp[XENT_DOUBLES];
  double loss[XENT_DOUBLES], log_probability[XENT_DOUBLES], entropy[XENT_DOUBLES], pull[XENT_DOUBLES],
      share[XENT_DOUBLES];
  double label_gradient[XENT_DOUBLES], factor[XENT_DOUBLES];
  double *kept[XENT_DOUBLES]; /* the exponentials of the row's classes, or NULL */
  uint32_t fate[XENT_DOUBLES]; /* 0, or what of XENT_ROW_SPECIAL became of the row */
  bool hit[XENT_DOUBLES];      /* before a shift */
  bool any_fate;
} f64_sums;

/* n numbers of every row side by side in t, with -inf behind. */
XENT_INLINE void f64_turn(const double *const *rows, double *t, int64_t n) {
  for (int64_t k = 0; k < n; k += XENT_DOUBLES) {
    doubles v[XENT_DOUBLES];
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES; j++) v[j] = doubles_load_part(rows[j] + k, n - k, -INFINITY);
    doubles_transpose(v);
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES; j++) doubles_store(t + (k + j) * XENT_DOUBLES, v[j]);
  }
}

/* The first pass over rows x of n classes each, which stay in t, or with `keep` their exponentials do. */
XENT_SHARED void f64_dense_rows(const double *const *x, int64_t n, const int64_t *labels, f64_temperature temperature,
                                bool keep, double *t, f64_sums *g) {
  doubles others = doubles_set(-INFINITY), own = others;
  f64_turn(x, t, n);
  for (int j = 0; labels && j < XENT_DOUBLES; j++) { /* the label is not in the sum */
    const int64_t y = labels[j] == XENT_NO_CLASS ? 0 : labels[j];
    g->label_logit[j] = x[j][y];
    t[y * XENT_DOUBLES + j] = -INFINITY;
  }
  for (int64_t i = 0; i < n; i++) others = doubles_max(doubles_load(t + i * XENT_DOUBLES), others);
  if (labels) own = doubles_load(g->label_logit);
  const doubles most = doubles_add(doubles_max(own, others), doubles_set(0)); /* -0 counts as +0 */
  const doubles N = f64_reference_for(most, temperature), zero = doubles_set(0);
  const f64_reference k = f64_reference_of(N, temperature);
  const f64_parts none = {zero, zero};
  const f64_grids grids = f64_grids_for(others, N, temperature);
  const f64_parts s = f64_sum_exponentials(none, t, keep ? t : NULL, n * XENT_DOUBLES, &k, grids, false);
  doubles_store(g->max, most);
  doubles_store(g->reference, N);
  doubles_store(g->sum, doubles_add(s.high, s.low));
  const uint32_t below = labels ? doubles_bits_above(others, own) : 0;
  for (int j = 0; labels && j < XENT_DOUBLES; j++)
    g->hit[j] = !(below >> j & 1) && f64_largest(x[j], labels[j]) < g->label_logit[j];
}

#endif
