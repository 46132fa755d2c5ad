// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

/** Distances counted in representable numbers. */
final class Ulps {
  /** Between NaN and a number. */
  static final long NONE = Long.MAX_VALUE;

  private Ulps() {}

  /** Steps from one float to the next until b is reached; -0 and +0 are one number. */
  static long between(float a, float b) {
    if (Float.isNaN(a) || Float.isNaN(b)) {
      return Float.isNaN(a) && Float.isNaN(b) ? 0 : NONE;
    }
    return Math.abs(order(a) - order(b));
  }

  /** The difference of two integers, {@link #NONE} where a long cannot hold it. */
  static long between(long a, long b) {
    long distance = Math.max(a, b) - Math.min(a, b);
    return distance < 0 ? NONE : distance;
  }

  private static long order(float value) {
    int bits = Float.floatToRawIntBits(value);
    return bits >= 0 ? bits : -(long) (bits & Integer.MAX_VALUE);
  }
}
