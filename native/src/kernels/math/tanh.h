/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tanh of floats (docs/numerics.md, "Tanh"): v + v z P(z), z = v^2, up to XENT_TANH_SPLIT, and from there on
 * 1 - 2 / (exp(2 v) + 1), which is computed where a lane asks for it.
 */
#ifndef XENT_TANH_H
#define XENT_TANH_H

#include "kernels/math/exponential.h"

enum { XENT_TANH_TERMS = sizeof XENT_TANH / sizeof *XENT_TANH };
#define XENT_TANH_ONE 10 /* from here on it is 1 */

XENT_INLINE lanes tanh_lanes(lanes x) {
  const lanes most = lanes_set(XENT_TANH_ONE), size = lanes_magnitude(x), one = lanes_set(1);
  const lanes v = lanes_where_above(size, most, most, size); /* a NaN stays */
  const lanes z = lanes_mul(v, v), split = lanes_set(XENT_TANH_SPLIT);
  lanes p = lanes_set(XENT_TANH[XENT_TANH_TERMS - 1]);
  XENT_UNROLL(8)
  for (int i = XENT_TANH_TERMS - 2; i >= 0; i--) p = lanes_fma(p, z, lanes_set(XENT_TANH[i]));
  const lanes small = lanes_fma(lanes_mul(v, z), p, v);
  if (!lanes_bits_above(v, split)) return lanes_sign(small, x);
  lanes e = lanes_add(v, v);
  const exp_references r = exp_everywhere(exp_reference_of(XENT_SCALE_EXPONENT, &no_heat));
  exp_lanes(&e, 1, &r, false, &no_heat);
  const lanes large = lanes_sub(one, lanes_div(lanes_set(2), lanes_add(e, one)));
  return lanes_sign(lanes_where_above(v, split, large, small), x);
}

#endif
