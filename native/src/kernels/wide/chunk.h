/* SPDX-License-Identifier: Apache-2.0 */
/* The sums over one chunk in float64 arithmetic: kernels/row/chunk.h in double, with lanes that are pairs. */
#ifndef XENT_WIDE_CHUNK_H
#define XENT_WIDE_CHUNK_H

#include "kernels/row/chunk.h"
#include "kernels/wide/pairs.h"
#include "kernels/wide/pieces.h"

typedef struct {
  double max, reference;
  pair sum;
} f64_chunk;

XENT_INLINE dlanes f64_largest_lanes(const double *x, int64_t n, dlanes above) {
  for (int64_t i = 0; i < n; i += XENT_LANES)
    above = dlanes_max(n - i >= XENT_LANES ? dlanes_load(x + i) : dlanes_load_part(x + i, n - i, -INFINITY), above);
  return above;
}
XENT_INLINE double f64_largest_of(const double *x, int64_t n) {
  return dlanes_largest(f64_largest_lanes(x, n, dlanes_set(-INFINITY)));
}

XENT_INLINE dlanes f64_group_tree(const dlanes e[XENT_GROUP_VECTORS]) {
  return dlanes_add(dlanes_add(dlanes_add(e[0], e[1]), dlanes_add(e[2], e[3])),
                    dlanes_add(dlanes_add(e[4], e[5]), dlanes_add(e[6], e[7])));
}

/* The sum of e over a group of m classes; `without` (or XENT_NO_CLASS) and missing ones add +0. */
XENT_INLINE dlanes f64_group_sum(const double *x, int64_t m, int64_t without, const bool whole, f64_reference k) {
  dlanes e[XENT_GROUP_VECTORS];
  XENT_UNROLL(8)
  for (int v = 0; v < XENT_GROUP_VECTORS; v += XENT_WIDE_BATCH) {
    XENT_UNROLL(2)
    for (int j = v; j < v + XENT_WIDE_BATCH; j++) {
      const int64_t at = (int64_t)j * XENT_LANES;
      e[j] = whole ? dlanes_load(x + at) : dlanes_load_part(x + at, m - at, -INFINITY);
    }
    if (!whole && (int64_t)v * XENT_LANES >= m) {
      XENT_UNROLL(2)
      for (int j = v; j < v + XENT_WIDE_BATCH; j++) e[j] = dlanes_zero();
      continue;
    }
    f64_exp_lanes(e + v, XENT_WIDE_BATCH, k);
    if (!whole)
      for (int j = v; j < v + XENT_WIDE_BATCH; j++) e[j] = dlanes_drop(e[j], without - (int64_t)j * XENT_LANES);
  }
  return f64_group_tree(e);
}

/* A chunk under way. */
typedef struct {
  dlanes above; /* the largest of each lane, next group included */
  pair_lanes sum;
  double reference;
} f64_progress;

/* Sixteen octaves above the reference a larger one is taken, and the sums are scaled. */
XENT_INLINE void f64_raise_reference(f64_progress *p) {
  const dlanes limit = dlanes_set((p->reference + 16) * XENT_WIDE_LN2_HI);
  if (__builtin_expect(!dlanes_bits_above(p->above, limit), 1)) return;
  const double raised = f64_reference_for(dlanes_largest(p->above));
  if (raised <= p->reference) return;
  pair_lanes_scale(&p->sum, power_of_two(p->reference - raised));
  p->reference = raised;
}

XENT_SHARED void f64_sum_piece(f64_progress *p, const double *x, int64_t n, int64_t without, bool exact) {
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    const int64_t m = n - i < XENT_GROUP ? n - i : XENT_GROUP, y = without - i;
    if (!exact) {
      p->above = f64_largest_lanes(x + i, m, p->above);
      f64_raise_reference(p);
    }
    const f64_reference k = f64_reference_of(p->reference);
    const bool whole = m == XENT_GROUP && (y < 0 || y >= XENT_GROUP);
    pair_lanes_add(&p->sum, whole ? f64_group_sum(x + i, m, XENT_NO_CLASS, true, k)
                                  : f64_group_sum(x + i, m, y < 0 ? XENT_NO_CLASS : y, false, k));
  }
}

/* The n classes from `begin` on. Class `without` of them adds +0 but counts for the maximum. */
XENT_SHARED void f64_sum_chunk(const f64_logits *in, int64_t begin, int64_t n, double shift, int64_t without,
                                f64_buffers *buffers, f64_chunk *c) {
  const bool exact = n <= XENT_EXACT_MAX;
  f64_progress p = {.above = dlanes_set(-INFINITY), .sum = pair_lanes_zero(), .reference = (double)XENT_LOWEST_REFERENCE};
  for (int64_t i = 0; i < n; i += XENT_PIECE) {
    const int64_t m = piece_length(i, n);
    const double *x = f64_prepared(in, begin + i, m, shift, buffers->x, NULL);
    if (exact) {
      p.above = f64_largest_lanes(x, m, p.above);
      p.reference = f64_reference_for(dlanes_largest(p.above));
    }
    f64_sum_piece(&p, x, m, without - i, exact);
  }
  c->max = dlanes_largest(p.above) + 0.0; /* -0 counts as +0 */
  c->reference = p.reference;
  c->sum = pair_lanes_tree(&p.sum);
}

/* What sums of products are of: g y, g alone where y is NULL, or of entropies e(x; N) (M - x). */
typedef struct {
  const double *a, *b;
  bool entropy;
  double max;
  f64_reference k;
} f64_products;

XENT_INLINE dlanes f64_product(const f64_products *w, int64_t i, int64_t n) {
  if (n <= 0) return dlanes_zero();
  dlanes v = dlanes_load_part(w->a + i, n, w->entropy ? -INFINITY : 0);
  if (w->entropy) {
    dlanes e[1] = {v};
    f64_exp_lanes(e, 1, w->k);
    return dlanes_clear_where_zero(dlanes_mul(e[0], dlanes_sub(dlanes_set(w->max), v)), e[0]);
  }
  return w->b ? dlanes_mul(v, dlanes_load_part(w->b + i, n, 0)) : v;
}
XENT_SHARED void f64_sum_products(const f64_products *w, int64_t n, pair_lanes *sum) {
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    dlanes v[XENT_GROUP_VECTORS];
    for (int j = 0; j < XENT_GROUP_VECTORS; j++) {
      const int64_t at = i + (int64_t)j * XENT_LANES;
      v[j] = f64_product(w, at, n - at < XENT_LANES ? n - at : XENT_LANES);
    }
    pair_lanes_add(sum, f64_group_tree(v));
  }
}

/* dot += t (m - x), mass += t, class by class. */
XENT_SHARED void f64_sum_targets(const double *x, const double *t, int64_t n, double m, pair_lanes *dot, pair_lanes *mass) {
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    const dlanes ts = dlanes_load_part(t + i, n - i, 0), xs = dlanes_load_part(x + i, n - i, 0);
    pair_lanes_add(dot, dlanes_clear_where_zero(dlanes_mul(ts, dlanes_sub(dlanes_set(m), xs)), ts));
    pair_lanes_add(mass, ts);
  }
}

#endif
