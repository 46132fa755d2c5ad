// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.WIDE_LN2_HI;
import static dev.xent.internal.kernels.reference.Constants.WIDE_LN2_LO;
import static dev.xent.internal.kernels.reference.Constants.WIDE_LOG_TERMS;

/** Logarithms in double, to an ulp. */
final class WideLogarithm {
  /** Bits of sqrt(1/2): where one power of two ends and the next begins. */
  private static final long SQRT_HALF = 0x3FE6A09E667F3BCDL;

  private static final int SUBNORMAL_SCALE = 54;

  private WideLogarithm() {}

  /** log(v) of a v &gt; 0. */
  static double of(double v) {
    boolean subnormal = v < Double.MIN_NORMAL;
    long bits = Double.doubleToRawLongBits(subnormal ? Math.scalb(v, SUBNORMAL_SCALE) : v);
    long k = (bits - SQRT_HALF) >> 52;
    double m = Double.longBitsToDouble(bits - (k << 52));
    return part(subnormal ? k - SUBNORMAL_SCALE : k, m - 1);
  }

  /** log(1 + q), 0 &lt;= q &lt;= 1. */
  static double onePlus(double q) {
    return q <= 0.5 ? part(0, q) : part(1, (q - 1) * 0.5);
  }

  /** log(1 - d), 0 &lt; d &lt;= 0.5. */
  static double oneMinus(double d) {
    return d <= 0.25 ? part(0, -d) : part(-1, 1 - 2 * d);
  }

  /** k ln 2 + log(1 + f). */
  private static double part(double k, double f) {
    double r = f / (2 + f);
    double z = r * r;
    double p = WIDE_LOG_TERMS[WIDE_LOG_TERMS.length - 1];
    for (int i = WIDE_LOG_TERMS.length - 2; i >= 0; i--) {
      p = Math.fma(p, z, WIDE_LOG_TERMS[i]);
    }
    double series = p * z;
    double g = 0.5 * f * f;
    double a = k * WIDE_LN2_HI;
    double b = Math.fma(k, WIDE_LN2_LO, Math.fma(k, WIDE_LN2_HI, -a));
    return a + (f - (g - Math.fma(r, g + series, b)));
  }
}
