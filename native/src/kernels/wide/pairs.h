/* SPDX-License-Identifier: Apache-2.0 */
/* Sums that keep what their additions lose: pairs, and sixteen of them (docs/numerics.md, section 8, "Sums"). */
#ifndef XENT_WIDE_PAIRS_H
#define XENT_WIDE_PAIRS_H

#include "kernels/vector/vector.h"

typedef struct {
  double high, low;
} pair;

XENT_INLINE pair pair_add(pair a, pair b) {
  const double s = a.high + b.high, k = s - a.high;
  return (pair){s, (a.low + b.low) + ((a.high - (s - k)) + (b.high - k))};
}
XENT_INLINE pair pair_add_one(pair a, double v) { return pair_add(a, (pair){v, 0}); }
/* a + f g */
XENT_INLINE pair pair_add_product(pair a, double f, double g) {
  const double p = f * g;
  return pair_add(a, (pair){p, fma(f, g, -p)});
}
XENT_INLINE pair pair_scale(pair a, double b) { return (pair){a.high * b, a.low * b}; }
XENT_INLINE double pair_value(pair a) { return isfinite(a.high) ? a.high + a.low : a.high; }

typedef struct {
  dlanes high, low;
} pair_lanes;

XENT_INLINE pair_lanes pair_lanes_zero(void) { return (pair_lanes){dlanes_zero(), dlanes_zero()}; }
XENT_INLINE void pair_lanes_add(pair_lanes *a, dlanes v) {
  const dlanes s = dlanes_add(a->high, v), k = dlanes_sub(s, a->high);
  const dlanes lost = dlanes_add(dlanes_sub(a->high, dlanes_sub(s, k)), dlanes_sub(v, k));
  a->low = dlanes_add(a->low, lost);
  a->high = s;
}
XENT_INLINE void pair_lanes_scale(pair_lanes *a, double b) {
  a->high = dlanes_scale(a->high, b);
  a->low = dlanes_scale(a->low, b);
}
XENT_SHARED pair pair_lanes_tree(const pair_lanes *a) {
  double high[XENT_LANES], low[XENT_LANES];
  dlanes_store(high, a->high);
  dlanes_store(low, a->low);
  for (int k = XENT_LANES / 2; k >= 1; k /= 2)
    for (int j = 0; j < k; j++) {
      const pair sum = pair_add((pair){high[j], low[j]}, (pair){high[j + k], low[j + k]});
      high[j] = sum.high;
      low[j] = sum.low;
    }
  return (pair){high[0], low[0]};
}

#endif
