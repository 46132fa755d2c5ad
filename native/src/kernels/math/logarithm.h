/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log and log1p in double for the row results (conformance/numerics.md, "Logarithm"): one odd series in
 * r = (m - 1) / (m + 1), log(m) = 2 (r + r^3/3 + r^5/5 ...). It is accurate to 1.5e-10, which is enough for float
 * results. contract_log and contract_log1p (native/test/contract/contract.c) are the plain forms.
 */
#ifndef XENT_LOGARITHM_H
#define XENT_LOGARITHM_H

#include "kernels/vector/vector.h"

XENT_INLINE double log_series(double r) {
  double z = r * r, p = XENT_LOG_SERIES[8];
  XENT_UNROLL(8)
  for (int i = 7; i >= 1; i--) p = fused_double(p, z, XENT_LOG_SERIES[i]);
  p = fused_double(p * z, r, r);
  return p + p;
}

/* The logarithm of a normal v > 0: v = 2^k m with sqrt(1/2) <= m < sqrt(2). */
XENT_INLINE double log_normal(double v) {
  uint64_t u;
  memcpy(&u, &v, sizeof u);
  int64_t k = (int64_t)(u - XENT_ROOT_HALF_BITS) >> 52;
  u -= (uint64_t)k << 52;
  memcpy(&v, &u, sizeof v);
  return fused_double((double)k, XENT_LN2, log_series((v - 1) / (v + 1)));
}

/* log_series of sixteen rows. */
XENT_INLINE dlanes log_series_rows(dlanes r) {
  const dlanes z = dlanes_mul(r, r);
  dlanes p = dlanes_set(XENT_LOG_SERIES[8]);
  XENT_UNROLL(8)
  for (int i = 7; i >= 1; i--) p = dlanes_fma(p, z, dlanes_set(XENT_LOG_SERIES[i]));
  p = dlanes_fma(dlanes_mul(p, z), r, r);
  return dlanes_add(p, p);
}
XENT_INLINE dlanes log1p_small_rows(dlanes q) {
  return log_series_rows(dlanes_div(q, dlanes_add(dlanes_set(2), q)));
}

/* The power 2^k of an integer k <= 0; exponents below -1000 count as -1000. */
XENT_INLINE double power_of_two(double k) {
  uint64_t u = (uint64_t)((int64_t)(k >= -1000 ? k : -1000) + 1023) << 52;
  double v;
  memcpy(&v, &u, sizeof v);
  return v;
}

#endif
