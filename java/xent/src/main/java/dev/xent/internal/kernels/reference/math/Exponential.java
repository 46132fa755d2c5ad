// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;
import static dev.xent.internal.kernels.reference.math.Constants.FLOOR;
import static dev.xent.internal.kernels.reference.math.Constants.LIMIT;
import static dev.xent.internal.kernels.reference.math.Constants.LN2_HI;
import static dev.xent.internal.kernels.reference.math.Constants.LN2_LO;
import static dev.xent.internal.kernels.reference.math.Constants.LOG2E;
import static dev.xent.internal.kernels.reference.math.Constants.Q2;
import static dev.xent.internal.kernels.reference.math.Constants.Q3;
import static dev.xent.internal.kernels.reference.math.Constants.ROUND;
import static dev.xent.internal.kernels.reference.math.Constants.TWO_TO_EIGHTHS;

/**
 * The exponential in float: {@code e(x; N) = exp(x r) 2^(30 - N)} for an integer-valued N, the
 * reference, and r the reciprocal of a temperature in two floats: so x is never rounded.
 *
 * <p>Another reference gives the same number times an exact power of two. Far below its reference,
 * at (N - 157) ln 2, e is exactly +0; a NaN stays a NaN.
 */
final class Exponential {
  private static final float EIGHTHS = 8 * LOG2E;
  private static final float EIGHTH_HI = -LN2_HI / 8;
  private static final float EIGHTH_LO = -LN2_LO / 8;

  private final float[] p = new float[CHUNK];
  private final float[] z = new float[CHUNK];
  private float r = 1;
  private float lostByR = 0;
  private double temperature = 1;

  /** Takes the temperature of an arithmetic; before that it is 1. */
  void begin(Arithmetic ofCall) {
    r = (float) ofCall.inverseHigh;
    lostByR = (float) ofCall.inverseLow;
    temperature = ofCall.temperature;
  }

  /** The reference for a maximum times r: that over ln 2 to the nearest integer, in the limit. */
  static float reference(float max) {
    float m = max > LIMIT ? LIMIT : max < -LIMIT ? -LIMIT : max;
    return Fma.fma(m, LOG2E, ROUND) - ROUND;
  }

  /** e(x; reference). */
  float of(float x, float reference) {
    float magic = magic(reference);
    float v = Math.max(x, lowest(reference));
    float product = v * r;
    float z = Fma.fma(product, EIGHTHS, magic);
    float lost = lost(v, product);
    return scaled(powerLessOne(rest(product, z - magic) + lost), z);
  }

  /**
   * {@code e[i] = e(x[from + i]; reference)} for i in [0, count).
   *
   * <p>In loops of their own, because the compiler makes vector code of the second but not of the
   * table's look-up.
   */
  void of(double[] x, int from, int count, float reference, double[] e) {
    float magic = magic(reference);
    float lowest = lowest(reference);
    for (int i = 0; i < count; i++) {
      p[i] = (float) x[from + i];
    }
    for (int i = 0; i < count; i++) {
      float v = Math.max(p[i], lowest);
      float product = v * r;
      float lost = lost(v, product);
      z[i] = Fma.fma(product, EIGHTHS, magic);
      p[i] = powerLessOne(rest(product, z[i] - magic) + lost);
    }
    for (int i = 0; i < count; i++) {
      e[i] = scaled(p[i], z[i]);
    }
  }

  /**
   * What the product with r has lost. A test for 1 would cost more than it saves in vector code.
   */
  private float lost(float v, float product) {
    return Fma.HARDWARE || r != 1 ? Fma.fma(v, lostByR, Fma.fma(v, r, -product)) : 0;
  }

  private static float magic(float reference) {
    return ROUND + 8 * 30 - 8 * reference;
  }

  private float lowest(float reference) {
    return (float) (Fma.fma(reference, LN2_HI, FLOOR) * temperature);
  }

  /** What is left of a product after n eighths of ln 2. */
  private static float rest(float product, float n) {
    return Fma.fma(n, EIGHTH_LO, Fma.fma(n, EIGHTH_HI, product));
  }

  /** exp(t) - 1. */
  private static float powerLessOne(float t) {
    return Fma.fma(Fma.fma(Q3, t, Q2) * t, t, t);
  }

  /** s + p s, where s = 2^(n/8 + 30 - N) comes from the low bits of z. */
  private static float scaled(float p, float z) {
    int bits = Float.floatToRawIntBits(z);
    float s = Float.intBitsToFloat(TWO_TO_EIGHTHS[bits & 7] + (bits << 20));
    return Fma.fma(p, s, s);
  }
}
