// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static dev.xent.internal.kernels.reference.math.Constants.LN2;
import static dev.xent.internal.kernels.reference.math.Constants.LOG_SERIES;

/**
 * Logarithms in double for the results of a row: log((1 + r) / (1 - r)) = 2 (r + r^3/3 + r^5/5 +
 * ...).
 *
 * <p>The error is at most 1.5e-10, which suffices for float results.
 */
public final class Logarithm {
  /** The bits of sqrt(1/2), the boundary between two powers of two. */
  private static final long SQRT_HALF = 0x3FE6A09E667F3BCDL;

  private Logarithm() {}

  /** log(1 + q), 0 &lt;= q &lt;= 1. */
  public static double onePlus(double q) {
    return series(q / (2 + q));
  }

  /** log(v) of a normal v &gt; 0: v = 2^k m with sqrt(1/2) &lt;= m &lt; sqrt(2). */
  public static double of(double v) {
    long bits = Double.doubleToRawLongBits(v);
    long k = (bits - SQRT_HALF) >> 52;
    double m = Double.longBitsToDouble(bits - (k << 52));
    return Fma.fma((double) k, LN2, series((m - 1) / (m + 1)));
  }

  private static double series(double r) {
    double z = r * r;
    double p = LOG_SERIES[8];
    for (int i = 7; i >= 1; i--) {
      p = Fma.fma(p, z, LOG_SERIES[i]);
    }
    p = Fma.fma(p * z, r, r);
    return p + p;
  }
}
