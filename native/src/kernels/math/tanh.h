/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tanh of floats (conformance/numerics.md, "Tanh"): v + v z P(z), z = v^2, up to XENT_TANH_SPLIT, and from there on
 * 1 - 2 / (exp(2 v) + 1), which is computed only if a lane needs it. contract_tanh (native/test/contract/general_row.c)
 * is the plain form.
 */
#ifndef XENT_TANH_H
#define XENT_TANH_H

#include "kernels/math/exponential.h"

enum { XENT_TANH_TERMS = sizeof XENT_TANH / sizeof *XENT_TANH };
#define XENT_TANH_ONE 10 /* from here on it is 1 */

/* tanh of `count` vectors, stage by stage, because one chain is longer than the scheduling window of a CPU. */
XENT_INLINE void tanh_vectors(lanes *x, const int count) {
  const lanes most = lanes_set(XENT_TANH_ONE), one = lanes_set(1);
  lanes v[XENT_BATCH_MAX], z[XENT_BATCH_MAX], p[XENT_BATCH_MAX], largest = lanes_set(0.0f);
  XENT_STAGE(v[j] = lanes_min(most, lanes_magnitude(x[j]))); /* NaN stays */
  XENT_STAGE(z[j] = lanes_mul(v[j], v[j]));
  XENT_STAGE(largest = lanes_max(v[j], largest));
  XENT_STAGE(p[j] = lanes_set(XENT_TANH[XENT_TANH_TERMS - 1]));
  XENT_UNROLL(8)
  for (int i = XENT_TANH_TERMS - 2; i >= 0; i--) XENT_STAGE(p[j] = lanes_fma(p[j], z[j], lanes_set(XENT_TANH[i])));
  XENT_STAGE(p[j] = lanes_fma(lanes_mul(v[j], z[j]), p[j], v[j]));
  if (lanes_any_above(largest, XENT_TANH_SPLIT)) {
    const exp_references r = exp_everywhere(exp_reference_of(XENT_SCALE_EXPONENT, &temperature_1));
    XENT_STAGE(z[j] = lanes_add(v[j], v[j]));
    exp_lanes(z, count, &r, false, &temperature_1);
    XENT_STAGE(z[j] = lanes_sub(one, lanes_div(lanes_set(2), lanes_add(z[j], one))));
    XENT_STAGE(p[j] = lanes_where_above(v[j], lanes_set(XENT_TANH_SPLIT), z[j], p[j]));
  }
  XENT_STAGE(x[j] = lanes_sign(p[j], x[j]));
}

#endif
