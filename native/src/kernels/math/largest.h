/* SPDX-License-Identifier: Apache-2.0 */
/* The largest of contiguous floats, and the k largest. */
#ifndef XENT_MATH_LARGEST_H
#define XENT_MATH_LARGEST_H

#include "kernels/vector/vector.h"

/* A vector whose largest lane is the largest of n floats, ignoring NaN; a zero may have either sign. */
XENT_INLINE lanes largest_lanes(const float *x, int64_t n) {
  lanes m[4];
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) m[k] = lanes_set(-INFINITY);
  int64_t i = 0;
  for (; i + 4 * XENT_LANES <= n; i += 4 * XENT_LANES)
    XENT_UNROLL(4)
    for (int k = 0; k < 4; k++) m[k] = lanes_max(lanes_load(x + i + k * XENT_LANES), m[k]);
  for (; i + XENT_LANES <= n; i += XENT_LANES) m[0] = lanes_max(lanes_load(x + i), m[0]);
  if (i < n) m[1] = lanes_max(lanes_load_part(x + i, n - i, -INFINITY), m[1]);
  return lanes_max(lanes_max(m[0], m[1]), lanes_max(m[2], m[3]));
}
XENT_INLINE float largest_of(const float *x, int64_t n) { return lanes_largest(largest_lanes(x, n)); }

XENT_INLINE int64_t count_at_least(const float *x, int64_t n, float least) {
  const lanes low = lanes_set(least);
  int64_t below = 0;
  for (int64_t k = 0; k < n; k += XENT_LANES) below += __builtin_popcount(lanes_bits_above(low, lanes_load(x + k)));
  return (n + XENT_LANES - 1) / XENT_LANES * XENT_LANES - below;
}

/* A value that at least k of n floats reach. If `most` is at least k, it is reached by at most `most` floats if
 * possible. Whole vectors of x are readable, and the floats after n are -inf. */
XENT_SHARED float reached_by(const float *x, int64_t n, int64_t k, int64_t most, float largest) {
  int32_t low = ordinal_of(-INFINITY), high = ordinal_of(largest) + 1; /* at least k floats reach low, but not high */
  while ((int64_t)high - low > 1) {
    const int32_t middle = (int32_t)(((int64_t)low + high) >> 1);
    const int64_t count = count_at_least(x, n, of_ordinal(middle));
    if (count < k) {
      high = middle;
    } else {
      low = middle;
      if (count <= most) break;
    }
  }
  return of_ordinal(low);
}

#endif
