/* SPDX-License-Identifier: Apache-2.0 */
/* The largest of contiguous floats. */
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

#endif
