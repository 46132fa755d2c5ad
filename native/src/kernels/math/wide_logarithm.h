/* SPDX-License-Identifier: Apache-2.0 */
/* log and log1p within an ulp (docs/numerics.md, section 8). */
#ifndef XENT_WIDE_LOGARITHM_H
#define XENT_WIDE_LOGARITHM_H

#include "kernels/math/logarithm.h"

enum { XENT_WIDE_LOG_COUNT = sizeof XENT_WIDE_LOG_TERMS / sizeof *XENT_WIDE_LOG_TERMS };

/* k ln 2 + log(1 + f): f - f^2/2 + r (f^2/2 + R) with r = f / (2 + f), small terms first */
XENT_INLINE double f64_log_part(double k, double f) {
  const double r = f / (2 + f), z = r * r, g = 0.5 * f * f;
  double p = XENT_WIDE_LOG_TERMS[XENT_WIDE_LOG_COUNT - 1];
  XENT_UNROLL(8)
  for (int i = XENT_WIDE_LOG_COUNT - 2; i >= 0; i--) p = fma(p, z, XENT_WIDE_LOG_TERMS[i]);
  const double R = p * z, a = k * XENT_WIDE_LN2_HI, b = fma(k, XENT_WIDE_LN2_LO, fma(k, XENT_WIDE_LN2_HI, -a));
  return a + (f - (g - fma(r, g + R, b)));
}

/* log(v) of a normal v > 0 */
XENT_SHARED double f64_log(double v) {
  const uint64_t u = double_bits(v);
  const int64_t k = (int64_t)(u - XENT_ROOT_HALF_BITS) >> 52;
  return f64_log_part((double)k, bits_double(u - ((uint64_t)k << 52)) - 1);
}

/* log(1 + q), 0 <= q <= 1 */
XENT_SHARED double f64_log1p(double q) { return q <= 0.5 ? f64_log_part(0, q) : f64_log_part(1, (q - 1) * 0.5); }

/* log(1 - d), 0 < d <= 0.5 */
XENT_SHARED double f64_log1m(double d) { return d <= 0.25 ? f64_log_part(0, -d) : f64_log_part(-1, 1 - 2 * d); }

#endif
