// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

/**
 * A number of about 106 bits: the unevaluated sum of two doubles, the second at most half an ulp of
 * the first.
 *
 * <p>Sums and products are those of Joldes, Muller and Popescu, <i>Tight and rigorous error bounds
 * for basic building blocks of double-word arithmetic</i> (2017): relative errors of a few 2^-106,
 * in a sum also if its terms cancel. Infinite and NaN operands are not supported.
 */
record DoubleDouble(double high, double low) {
  static final DoubleDouble ZERO = new DoubleDouble(0, 0);
  static final DoubleDouble ONE = new DoubleDouble(1, 0);

  static DoubleDouble of(double value) {
    return new DoubleDouble(value, 0);
  }

  /** a + b, exactly. */
  static DoubleDouble sum(double a, double b) {
    double high = a + b;
    double part = high - a;
    return new DoubleDouble(high, (a - (high - part)) + (b - part));
  }

  /** a * b, exactly if nothing underflows. */
  static DoubleDouble product(double a, double b) {
    double high = a * b;
    return new DoubleDouble(high, Math.fma(a, b, -high));
  }

  /** The sum, if a is 0 or not smaller than b. */
  private static DoubleDouble ordered(double a, double b) {
    double high = a + b;
    return new DoubleDouble(high, b - (high - a));
  }

  DoubleDouble plus(DoubleDouble other) {
    DoubleDouble highs = sum(high, other.high);
    DoubleDouble lows = sum(low, other.low);
    DoubleDouble both = ordered(highs.high, highs.low + lows.high);
    return ordered(both.high, lows.low + both.low);
  }

  DoubleDouble plus(double other) {
    DoubleDouble highs = sum(high, other);
    return ordered(highs.high, low + highs.low);
  }

  DoubleDouble minus(DoubleDouble other) {
    return plus(other.negated());
  }

  DoubleDouble times(DoubleDouble other) {
    DoubleDouble highs = product(high, other.high);
    double cross = Math.fma(low, other.high, Math.fma(high, other.low, low * other.low));
    return ordered(highs.high, highs.low + cross);
  }

  DoubleDouble times(double other) {
    DoubleDouble highs = product(high, other);
    return ordered(highs.high, Math.fma(low, other, highs.low));
  }

  DoubleDouble dividedBy(DoubleDouble other) {
    double first = high / other.high;
    DoubleDouble rest = minus(other.times(first));
    double second = rest.high / other.high;
    double third = rest.minus(other.times(second)).high / other.high;
    return ordered(first, second).plus(third);
  }

  DoubleDouble negated() {
    return new DoubleDouble(-high, -low);
  }

  /** This times 2^power, exactly if nothing underflows. */
  DoubleDouble scaled(int power) {
    return new DoubleDouble(Math.scalb(high, power), Math.scalb(low, power));
  }
}
