// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.LIMIT;
import static dev.xent.internal.kernels.reference.Constants.WIDE_EXP_TERMS;
import static dev.xent.internal.kernels.reference.Constants.WIDE_FLOOR;
import static dev.xent.internal.kernels.reference.Constants.WIDE_LN2_HI;
import static dev.xent.internal.kernels.reference.Constants.WIDE_LN2_LO;
import static dev.xent.internal.kernels.reference.Constants.WIDE_LOG2E;
import static dev.xent.internal.kernels.reference.Constants.WIDE_ROUND;

/** The exponential in double, {@code e(x; N) = exp(x) 2^(30 - N)}, and what is made of it. */
final class WideExponential {
  /** From here on tanh is 1, to the last bit. */
  private static final double ONE_FROM = 20;

  /** Below this exp(-v) - 1 is -1, to the last bit. */
  private static final double MINUS_ONE_FROM = -40;

  private WideExponential() {}

  /** The reference for a maximum: max / ln 2 to the nearest integer, within the limit. */
  static double reference(double max) {
    double m = max > LIMIT ? LIMIT : max < -LIMIT ? -LIMIT : max;
    return Math.fma(m, WIDE_LOG2E, WIDE_ROUND) - WIDE_ROUND;
  }

  /** e(x; reference). */
  static double of(double x, double reference) {
    double magic = WIDE_ROUND + 30 - reference;
    double bounded = Math.max(x, Math.fma(reference, WIDE_LN2_HI, WIDE_FLOOR));
    double z = Math.fma(bounded, WIDE_LOG2E, magic);
    double t = rest(bounded, z - magic);
    double r = series(t) * t * t;
    double h = 1 + t;
    double l = (1 - h) + t;
    return (h + (l + r)) * power(z);
  }

  static double tanh(double x) {
    double w = Math.min(Math.abs(x), ONE_FROM);
    double m = lessOne(w + w);
    return Math.copySign(m / (m + 2), x);
  }

  /** exp(y) - 1. */
  static double lessOne(double y) {
    double bounded = Math.max(y, MINUS_ONE_FROM);
    double z = Math.fma(bounded, WIDE_LOG2E, WIDE_ROUND);
    double t = rest(bounded, z - WIDE_ROUND);
    double p = Math.fma(series(t) * t, t, t);
    double s = power(z);
    return Math.fma(p, s, s - 1);
  }

  /** X(t), of exp(t) = 1 + t + t^2 X(t). */
  static double series(double t) {
    double p = WIDE_EXP_TERMS[WIDE_EXP_TERMS.length - 1];
    for (int i = WIDE_EXP_TERMS.length - 2; i >= 0; i--) {
      p = Math.fma(p, t, WIDE_EXP_TERMS[i]);
    }
    return p;
  }

  /** What is left of x after n ln 2. */
  private static double rest(double x, double n) {
    return Math.fma(n, -WIDE_LN2_LO, Math.fma(n, -WIDE_LN2_HI, x));
  }

  /** 2^n, which lies in the low bits of z. */
  private static double power(double z) {
    return Double.longBitsToDouble(Double.doubleToRawLongBits(z) << 52);
  }
}
