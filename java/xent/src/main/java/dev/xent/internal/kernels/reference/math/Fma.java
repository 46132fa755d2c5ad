// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

/**
 * a b + c with one rounding, in a few nanoseconds on every CPU.
 *
 * <p>{@link Math#fma} is one instruction if the CPU has it. Otherwise Java computes it with {@link
 * java.math.BigDecimal}, which takes microseconds. In that case this class computes the same bits
 * from ordinary additions and multiplications.
 */
public final class Fma {
  /**
   * An instruction takes a nanosecond, or about fifty in the interpreter; a BigDecimal takes
   * thousands.
   */
  private static final long SLOW_NANOS = 500;

  private static final int TRIES = 8;
  private static final int CALLS = 64;

  /** Volatile, so that the compiler cannot evaluate the loop below. */
  private static volatile float factor = 0x1.000002p0f;

  /** Whether {@link Math#fma} is an instruction. */
  static final boolean HARDWARE = isFast();

  private static final long SPLITTER = (1 << 27) + 1;

  /** Products of two numbers in this range, and their rounding errors, are normal. */
  private static final int SAFE_EXPONENT = 450;

  private Fma() {}

  /**
   * Measures the time of Math.fma, which affects only speed. Takes the fastest of several tries,
   * since one may be interrupted.
   */
  private static boolean isFast() {
    long best = Long.MAX_VALUE;
    for (int i = 0; i < TRIES; i++) {
      float v = factor;
      long begin = System.nanoTime();
      for (int k = 0; k < CALLS; k++) {
        v = Math.fma(v, factor, -1f);
      }
      best = Math.min(best, System.nanoTime() - begin);
      factor = v == 0 ? factor : 0x1.000002p0f; // uses v
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
   * The product of two floats is exact in double. The sum is rounded to odd: its 53 bits then show
   * whether a lower part was cut off, so rounding to the 24 bits of a float equals rounding the
   * exact sum.
   */
  static float ofFloats(float a, float b, float c) {
    double product = (double) a * b;
    return (float) oddSum(product, c);
  }

  /**
   * By S. Boldo and G. Melquiond (Emulation of FMA and correctly rounded sums, 2008): the product
   * in two parts, then sums of which the last but one is rounded to odd.
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

  /** a + b; if it is not exact, the neighbouring double whose last bit is 1. */
  private static double oddSum(double a, double b) {
    double sum = a + b;
    double lost = lostBySum(a, b, sum);
    long bits = Double.doubleToRawLongBits(sum);
    long tooLarge = (bits ^ Double.doubleToRawLongBits(lost)) >>> 63; // 1 if |sum| is too large
    long odd = bits - tooLarge | 1;
    return Math.abs(lost) > 0 ? Double.longBitsToDouble(odd) : sum; // not if lost is NaN
  }
}
