// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.FLOOR;
import static dev.xent.internal.kernels.reference.Constants.LIMIT;
import static dev.xent.internal.kernels.reference.Constants.LN2_HI;
import static dev.xent.internal.kernels.reference.Constants.LN2_LO;
import static dev.xent.internal.kernels.reference.Constants.LOG2E;
import static dev.xent.internal.kernels.reference.Constants.Q2;
import static dev.xent.internal.kernels.reference.Constants.Q3;
import static dev.xent.internal.kernels.reference.Constants.ROUND;
import static dev.xent.internal.kernels.reference.Constants.TWO_TO_EIGHTHS;

/**
 * The exponential: {@code e(x; N) = exp(x) 2^(30 - N)} for an integer-valued N, the reference.
 *
 * <p>Another reference gives the same number times an exact power of two. Far below its reference,
 * at (N - 157) ln 2, e is exactly +0; a NaN stays a NaN.
 */
final class Exponential {
  /** What undoes the scale of e. */
  static final double UNSCALE = 0x1p-30;

  private static final float EIGHTHS = 8 * LOG2E;
  private static final float EIGHTH_HI = -LN2_HI / 8;
  private static final float EIGHTH_LO = -LN2_LO / 8;

  private Exponential() {}

  /** The reference for a maximum: max / ln 2 to the nearest integer, within the limit. */
  static float reference(float max) {
    float m = max > LIMIT ? LIMIT : max < -LIMIT ? -LIMIT : max;
    return Math.fma(m, LOG2E, ROUND) - ROUND;
  }

  /** e(x; reference). */
  static float of(float x, float reference) {
    float magic = magic(reference);
    float bounded = Math.max(x, lowest(reference));
    float z = Math.fma(bounded, EIGHTHS, magic);
    return scaled(powerLessOne(bounded, z - magic), z);
  }

  /**
   * {@code e[i] = e(x[from + i]; reference)} for i in [0, count).
   *
   * <p>In two loops, because the compiler makes vector code of the first but not of the table's
   * look-up.
   *
   * @param e also the place of what the first loop leaves to the second
   * @param z scratch of at least count floats
   */
  static void of(float[] x, int from, int count, float reference, float[] e, float[] z) {
    float magic = magic(reference);
    float lowest = lowest(reference);
    for (int i = 0; i < count; i++) {
      float bounded = Math.max(x[from + i], lowest);
      z[i] = Math.fma(bounded, EIGHTHS, magic);
      e[i] = powerLessOne(bounded, z[i] - magic);
    }
    for (int i = 0; i < count; i++) {
      e[i] = scaled(e[i], z[i]);
    }
  }

  private static float magic(float reference) {
    return ROUND + 8 * 30 - 8 * reference;
  }

  private static float lowest(float reference) {
    return Math.fma(reference, LN2_HI, FLOOR);
  }

  /** exp(t) - 1 of what is left of x after n eighths of ln 2. */
  private static float powerLessOne(float x, float n) {
    float t = Math.fma(n, EIGHTH_LO, Math.fma(n, EIGHTH_HI, x));
    return Math.fma(Math.fma(Q3, t, Q2) * t, t, t);
  }

  /** s + p s, where s = 2^(n/8 + 30 - N) comes from the low bits of z. */
  private static float scaled(float p, float z) {
    int bits = Float.floatToRawIntBits(z);
    float s = Float.intBitsToFloat(TWO_TO_EIGHTHS[bits & 7] + (bits << 20));
    return Math.fma(p, s, s);
  }
}
