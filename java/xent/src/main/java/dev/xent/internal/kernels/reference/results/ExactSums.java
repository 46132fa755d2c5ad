// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.results;

import dev.xent.internal.ffi.xent_exact_sum;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An exact sum of floats and doubles: {@code xent_exact_sum}. It consists of integer counters, so
 * the order of additions does not matter.
 *
 * <p>A finite float with the exponent field E adds its signed mantissa to counter E, whose unit is
 * 2^(max(E, 1) - 150). A finite double adds its signed mantissa to the three digits of 32 bits that
 * it overlaps; the unit of digit i is 2^(32 i - 1074).
 */
public final class ExactSums {
  private static final int EXPONENTS = 256;

  /** The unit of a sum of floats only: the smallest float is 2^-149. */
  private static final int FLOAT_UNIT = 149;

  /** The unit of a sum with doubles: the smallest double is 2^-1074. */
  private static final int UNIT = 1074;

  private static final int DIGIT_BITS = 32;
  private static final long DIGIT = 0xffffffffL;
  private static final int DIGITS = (int) (xent_exact_sum.digits$layout().elementCount());

  private static final long BINS = xent_exact_sum.bins$offset();

  private ExactSums() {}

  /** Adds one float. */
  public static void add(MemorySegment exactSum, float v) {
    int bits = Float.floatToRawIntBits(v);
    int exponent = (bits >>> 23) & 0xff;
    int fraction = bits & 0x7fffff;
    if (exponent == 0xff) {
      addSpecial(exactSum, v);
      return;
    }
    long mantissa = exponent == 0 ? fraction : fraction | 0x800000;
    long at = BINS + (long) exponent * Long.BYTES;
    long bin = exactSum.get(ValueLayout.JAVA_LONG, at);
    exactSum.set(ValueLayout.JAVA_LONG, at, bits < 0 ? bin - mantissa : bin + mantissa);
  }

  /** Adds one double. */
  public static void add(MemorySegment exactSum, double v) {
    long bits = Double.doubleToRawLongBits(v);
    int exponent = (int) (bits >>> 52) & 0x7ff;
    long fraction = bits & 0xfffffffffffffL;
    if (exponent == 0x7ff) {
      addSpecial(exactSum, v);
      return;
    }
    long mantissa = exponent == 0 ? fraction : fraction | 0x10000000000000L;
    int shift = Math.max(exponent, 1) - 1;
    int digit = shift / DIGIT_BITS;
    long low = (mantissa & DIGIT) << shift % DIGIT_BITS;
    long high = (mantissa >>> DIGIT_BITS) << shift % DIGIT_BITS;
    int sign = bits < 0 ? -1 : 1;
    addDigit(exactSum, digit, sign * (low & DIGIT));
    addDigit(exactSum, digit + 1, sign * ((low >>> DIGIT_BITS) + (high & DIGIT)));
    addDigit(exactSum, digit + 2, sign * (high >>> DIGIT_BITS));
    xent_exact_sum.doubles(exactSum, xent_exact_sum.doubles(exactSum) + 1);
  }

  private static void addDigit(MemorySegment exactSum, int digit, long count) {
    xent_exact_sum.digits(exactSum, digit, xent_exact_sum.digits(exactSum, digit) + count);
  }

  private static void addSpecial(MemorySegment exactSum, double v) {
    if (v != v) {
      xent_exact_sum.nan(exactSum, xent_exact_sum.nan(exactSum) + 1);
    } else if (v > 0) {
      xent_exact_sum.positive_infinity(exactSum, xent_exact_sum.positive_infinity(exactSum) + 1);
    } else {
      xent_exact_sum.negative_infinity(exactSum, xent_exact_sum.negative_infinity(exactSum) + 1);
    }
  }

  /** Adds another exact sum. */
  public static void merge(MemorySegment exactSum, MemorySegment other) {
    xent_exact_sum.nan(exactSum, xent_exact_sum.nan(exactSum) + xent_exact_sum.nan(other));
    xent_exact_sum.positive_infinity(
        exactSum,
        xent_exact_sum.positive_infinity(exactSum) + xent_exact_sum.positive_infinity(other));
    xent_exact_sum.negative_infinity(
        exactSum,
        xent_exact_sum.negative_infinity(exactSum) + xent_exact_sum.negative_infinity(other));
    for (int i = 0; i < EXPONENTS; i++) {
      long at = BINS + (long) i * Long.BYTES;
      exactSum.set(
          ValueLayout.JAVA_LONG,
          at,
          exactSum.get(ValueLayout.JAVA_LONG, at) + other.get(ValueLayout.JAVA_LONG, at));
    }
    xent_exact_sum.doubles(
        exactSum, xent_exact_sum.doubles(exactSum) + xent_exact_sum.doubles(other));
    for (int i = 0; i < DIGITS; i++) {
      addDigit(exactSum, i, xent_exact_sum.digits(other, i));
    }
  }

  /**
   * The sum, rounded once to nearest even: NaN after a NaN or infinities of both signs, +0 for
   * zero.
   *
   * @param exact scratch
   */
  public static double sum(MemorySegment exactSum, ExactSum exact) {
    boolean positive = xent_exact_sum.positive_infinity(exactSum) != 0;
    boolean negative = xent_exact_sum.negative_infinity(exactSum) != 0;
    if (xent_exact_sum.nan(exactSum) != 0 || (positive && negative)) {
      return Double.NaN;
    }
    if (positive || negative) {
      return positive ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY;
    }
    boolean doubles = xent_exact_sum.doubles(exactSum) != 0;
    int unit = doubles ? UNIT : FLOAT_UNIT;
    exact.clear();
    for (int exponent = 0; exponent < EXPONENTS - 1; exponent++) {
      long at = BINS + (long) exponent * Long.BYTES;
      exact.add(
          exactSum.get(ValueLayout.JAVA_LONG, at), Math.max(exponent, 1) - 1 + unit - FLOAT_UNIT);
    }
    for (int i = 0; doubles && i < DIGITS; i++) {
      exact.add(xent_exact_sum.digits(exactSum, i), i * DIGIT_BITS);
    }
    return exact.toDouble(unit);
  }
}
