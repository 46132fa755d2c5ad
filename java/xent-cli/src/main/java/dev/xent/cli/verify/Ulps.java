// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

/** Computes distances in representable numbers. */
final class Ulps {
  /** The distance between NaN and a number. */
  static final long NONE = Long.MAX_VALUE;

  private Ulps() {}

  /**
   * The number of steps from one number of a type to the next that lead from a to b; -0 and +0 are
   * one number. {@link #NONE} if the distance does not fit in a long.
   */
  static long between(Value.Floating a, Value.Floating b) {
    if (Double.isNaN(a.number()) || Double.isNaN(b.number())) {
      return Double.isNaN(a.number()) && Double.isNaN(b.number()) ? 0 : NONE;
    }
    return between(order(a), order(b));
  }

  /** The difference of two integers; {@link #NONE} if it does not fit in a long. */
  static long between(Value.Whole a, Value.Whole b) {
    return between(order(a), order(b));
  }

  private static long between(long a, long b) {
    long distance = Math.max(a, b) - Math.min(a, b);
    return distance < 0 ? NONE : distance;
  }

  private static long order(Value.Whole value) {
    return value.unsigned() ? value.value() ^ Long.MIN_VALUE : value.value();
  }

  /** The position of a number among those of its type, counted from zero. */
  private static long order(Value.Floating value) {
    long sign = 1L << (value.type().byteSize() * Byte.SIZE - 1);
    long magnitude = value.pattern() & ~sign;
    return (value.pattern() & sign) == 0 ? magnitude : -magnitude;
  }
}
