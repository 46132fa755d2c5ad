// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;
import static dev.xent.internal.kernels.reference.math.Constants.FLOOR;
import static dev.xent.internal.kernels.reference.math.Constants.LIMIT;
import static dev.xent.internal.kernels.reference.math.Constants.LN2;
import static dev.xent.internal.kernels.reference.math.Constants.LN2_HI;
import static dev.xent.internal.kernels.reference.math.Constants.LN2_LO;
import static dev.xent.internal.kernels.reference.math.Constants.LOG2E;
import static dev.xent.internal.kernels.reference.math.Constants.Q2;
import static dev.xent.internal.kernels.reference.math.Constants.Q3;
import static dev.xent.internal.kernels.reference.math.Constants.ROUND;
import static dev.xent.internal.kernels.reference.math.Constants.TWO_TO_EIGHTHS;

/**
 * The exponential in float: {@code e(x; N) = exp(x / temperature) 2^(30 - N)} for an integer-valued
 * N, the reference.
 *
 * <p>The reduction subtracts n temperature ln(2) / 8 from x. The coefficients of the polynomial of
 * the remainder contain the powers of 1 / temperature, so x is never rounded.
 *
 * <p>Changing the reference multiplies the result by an exact power of two. At temperature (N -
 * 157) ln 2 and below, e is exactly +0; a NaN stays a NaN.
 */
final class Exponential {
  private final float[] p = new float[CHUNK];
  private final float[] z = new float[CHUNK];
  private float perEighth = 8 * LOG2E;
  private float eighthHigh = LN2_HI / 8;
  private float eighthLow = LN2_LO / 8;
  private float q1 = 1;
  private float q2 = Q2;
  private float q3 = Q3;
  private float floor = FLOOR;

  /** Sets the temperature; before the first call it is 1. */
  void begin(Arithmetic call) {
    double r = call.inverse;
    double eighth = LN2 / 8 * call.temperature;
    perEighth = (float) (1 / eighth);
    eighthHigh = (float) eighth;
    eighthLow = (float) (eighth - eighthHigh);
    q1 = (float) r;
    q2 = (float) (Q2 * r * r);
    q3 = (float) (Q3 * r * r * r);
    floor = (float) (FLOOR * call.temperature);
  }

  /**
   * The reference for a scaled maximum: the nearest integer to max / ln 2, with the maximum clamped
   * to the limit.
   */
  static float reference(float max) {
    float m = max > LIMIT ? LIMIT : max < -LIMIT ? -LIMIT : max;
    return Fma.fma(m, LOG2E, ROUND) - ROUND;
  }

  /** e(x; reference). */
  float of(float x, float reference) {
    float magic = magic(reference);
    float v = Math.max(x, lowest(reference));
    float z = Fma.fma(v, perEighth, magic);
    return scaled(powerLessOne(rest(v, z - magic)), z);
  }

  /**
   * Computes {@code e[i] = e(x[from + i]; reference)} for i in [0, count).
   *
   * <p>The steps are separate loops, because the JIT compiler vectorizes the second loop but not
   * the table look-up.
   */
  void of(double[] x, int from, int count, float reference, double[] e) {
    float magic = magic(reference);
    float lowest = lowest(reference);
    for (int i = 0; i < count; i++) {
      p[i] = (float) x[from + i];
    }
    for (int i = 0; i < count; i++) {
      float v = Math.max(p[i], lowest);
      z[i] = Fma.fma(v, perEighth, magic);
      p[i] = powerLessOne(rest(v, z[i] - magic));
    }
    for (int i = 0; i < count; i++) {
      e[i] = scaled(p[i], z[i]);
    }
  }

  private static float magic(float reference) {
    return ROUND + 8 * 30 - 8 * reference;
  }

  private float lowest(float reference) {
    return Fma.fma(reference, 8 * eighthHigh, floor);
  }

  /** The remainder of x after n eighths. */
  private float rest(float x, float n) {
    return Fma.fma(n, -eighthLow, Fma.fma(n, -eighthHigh, x));
  }

  /** exp(t / temperature) - 1. */
  private float powerLessOne(float t) {
    return Fma.fma(Fma.fma(q3, t, q2), t, q1) * t;
  }

  /** s + p s, where s = 2^(n/8 + 30 - N) is computed from the low bits of z. */
  private static float scaled(float p, float z) {
    int bits = Float.floatToRawIntBits(z);
    float s = Float.intBitsToFloat(TWO_TO_EIGHTHS[bits & 7] + (bits << 20));
    return Fma.fma(p, s, s);
  }
}
