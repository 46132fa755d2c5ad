// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

/**
 * a b + c with one rounding, on every CPU in some nanoseconds.
 *
 * <p>{@link Math#fma} is one instruction where the CPU has it. Where it has not, Java computes it
 * with {@link java.math.BigDecimal}, which takes microseconds: then the same bits come from
 * ordinary additions and multiplications here.
 */
public final class Fma {
  /** An instruction takes a nanosecond, in the interpreter some fifty; a BigDecimal thousands. */
  private static final long SLOW_NANOS = 500;

  private static final int TRIES = 8;
  private static final int CALLS = 64;

  /** So that nothing below is computed at compile time. */
  private static volatile float factor = 0x1.000002p0f;

  /** Whether {@link Math#fma} is an instruction. */
  static final boolean HARDWARE = isFast();

  private static final long SPLITTER = (1 << 27) + 1;

  /** Products of two numbers between these, and what their rounding loses, are normal. */
  private static final int SAFE_EXPONENT = 450;

  private Fma() {}

  /** Only speed depends on the answer. The fastest of some tries: one may be interrupted. */
  private static boolean isFast() {
    long best = Long.MAX_VALUE;
    for (int i = 0; i < TRIES; i++) {
      float v = factor;
      long begin = System.nanoTime();
      for (int k = 0; k < CALLS; k++) {
        v = Math.fma(v, factor, -1f);
      }
      best = Math.min(best, System.nanoTime() - begin);
      factor = v == 0 ? factor : 0x1.000002p0f; // v is used
    }
    return best < CALLS * SLOW_NANOS;
  }

  /** a b + c, rounded once to float. */
  public static float fma(float a, float b, float c) {
    return HARDWARE ? Math.fma(a, b, c) : ofFloats(a, b, c);
  }

  /** a b + c, rounded once to double. */
  public static double fma(double a, double b, double c) {
    return HARDWARE ? Math.fma(a, b, c) : ofDoubles(a, b, c);
  }

  /**
   * The product of two floats is a double. The sum is rounded to odd: its 53 bits tell what lies
   * below, so rounding to the 24 bits of a float is as of the exact sum.
   */
  static float ofFloats(float a, float b, float c) {
    double product = (double) a * b;
    return (float) oddSum(product, c);
  }

  /**
   * As S. Boldo and G. Melquiond do it (Emulation of FMA and correctly rounded sums, 2008): the
   * product in two parts, then sums of which the last but one is rounded to odd.
   */
  static double ofDoubles(double a, double b, double c) {
    double product = a * b;
    if (a == 0 || b == 0) {
      return product + c;
    }
    if (c == 0) {
      return product;
    }
    if (!isSafe(a) || !isSafe(b) || Math.abs(Math.getExponent(c)) > 2 * SAFE_EXPONENT) {
      return Math.fma(a, b, c);
    }
    double lost = lostByProduct(a, b, product);
    double low = c + lost;
    double lowLost = lostBySum(c, lost, low);
    double high = product + low;
    double highLost = lostBySum(product, low, high);
    return high + oddSum(lowLost, highLost);
  }

  private static boolean isSafe(double v) {
    return Math.abs(Math.getExponent(v)) <= SAFE_EXPONENT;
  }

  /** a b - product, by T. J. Dekker. */
  private static double lostByProduct(double a, double b, double product) {
    double aHigh = high(a);
    double aLow = a - aHigh;
    double bHigh = high(b);
    double bLow = b - bHigh;
    return ((aHigh * bHigh - product) + aHigh * bLow + aLow * bHigh) + aLow * bLow;
  }

  /** The upper half of the bits. */
  private static double high(double v) {
    double scaled = SPLITTER * v;
    return scaled - (scaled - v);
  }

  /** a + b - sum, by D. E. Knuth. */
  private static double lostBySum(double a, double b, double sum) {
    double back = sum - a;
    return (a - (sum - back)) + (b - back);
  }

  /** a + b; where it is not exact, that of the two doubles around it whose last bit is 1. */
  private static double oddSum(double a, double b) {
    double sum = a + b;
    double lost = lostBySum(a, b, sum);
    long bits = Double.doubleToRawLongBits(sum);
    long tooLarge = (bits ^ Double.doubleToRawLongBits(lost)) >>> 63; // 1 where it is, in size
    long odd = bits - tooLarge | 1;
    return Math.abs(lost) > 0 ? Double.longBitsToDouble(odd) : sum; // not where it is NaN
  }
}
