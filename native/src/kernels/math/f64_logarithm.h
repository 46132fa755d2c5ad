/* SPDX-License-Identifier: Apache-2.0 */
/* log and log1p within an ulp (conformance/numerics.md, section 8); f64_contract_log and f64_contract_log1p
 * (native/test/contract/f64.c) are the plain forms. */
#ifndef XENT_F64_LOGARITHM_H
#define XENT_F64_LOGARITHM_H

#include "kernels/vector/vector.h"

enum { XENT_F64_LOG_COUNT = sizeof XENT_F64_LOG_TERMS / sizeof *XENT_F64_LOG_TERMS };

/* The sum k ln 2 + log(1 + f), with log(1 + f) = f - f^2/2 + r (f^2/2 + R) and r = f / (2 + f), small terms first. */
XENT_INLINE doubles f64_log_part(doubles k, doubles f) {
  const doubles high = doubles_set(XENT_F64_LN2_HI), low = doubles_set(XENT_F64_LN2_LO);
  const doubles r = doubles_div(f, doubles_add(doubles_set(2), f)), z = doubles_mul(r, r);
  const doubles g = doubles_mul(doubles_mul(doubles_set(0.5), f), f), a = doubles_mul(k, high);
  doubles p = doubles_set(XENT_F64_LOG_TERMS[XENT_F64_LOG_COUNT - 1]);
  XENT_UNROLL(8)
  for (int i = XENT_F64_LOG_COUNT - 2; i >= 0; i--) p = doubles_fma(p, z, doubles_set(XENT_F64_LOG_TERMS[i]));
  const doubles b = doubles_fma(k, low, doubles_fma(k, high, doubles_sub(doubles_set(-0.0), a)));
  const doubles rest = doubles_fma(r, doubles_add(g, doubles_mul(p, z)), b);
  return doubles_add(a, doubles_sub(f, doubles_sub(g, rest)));
}

/* log(v) of a normal v > 0 */
XENT_INLINE doubles f64_log(doubles v) {
  doubles k;
  const doubles m = doubles_split(v, &k);
  return f64_log_part(k, doubles_sub(m, doubles_set(1)));
}

/* log(1 + q), 0 <= q <= 1 */
XENT_INLINE doubles f64_log1p(doubles q) {
  const doubles half = doubles_set(0.5), zero = doubles_set(0), one = doubles_set(1);
  return f64_log_part(doubles_where_at_most(q, half, zero, one),
                      doubles_where_at_most(q, half, q, doubles_mul(doubles_sub(q, one), half)));
}

/* log(1 - d), 0 < d <= 0.5 */
XENT_INLINE double f64_log1m(double d) {
  const bool small = d <= 0.25;
  return doubles_first(f64_log_part(doubles_set(small ? 0 : -1), doubles_set(small ? -d : 1 - 2 * d)));
}

#endif
