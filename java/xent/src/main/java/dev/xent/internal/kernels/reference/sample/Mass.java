// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

/** Parts of a sum of weights. The sum is an integer below 2^63, so every comparison is exact. */
public final class Mass {
  private static final int MANTISSA_BITS = 52;
  private static final long IMPLICIT = 1L << MANTISSA_BITS;

  /** The exponent of the lowest bit of a mantissa whose exponent field is 0 or 1. */
  private static final int LEAST_EXPONENT = -1074;

  private Mass() {}

  /** The smallest integer that is at least p S, for p in [0, 1]. */
  public static long atLeast(double p, long sum) {
    long bits = Double.doubleToRawLongBits(p);
    int field = (int) (bits >>> MANTISSA_BITS);
    long mantissa = (bits & (IMPLICIT - 1)) | (field == 0 ? 0 : IMPLICIT);
    int shift = -(Math.max(field, 1) - 1 + LEAST_EXPONENT);
    return shiftedUp(Math.multiplyHigh(mantissa, sum), mantissa * sum, shift);
  }

  /** A product of 128 bits over 2^shift, rounded up; the shift is 52 or more. */
  private static long shiftedUp(long high, long low, int shift) {
    if (shift >= Long.SIZE) {
      boolean all = shift >= 2 * Long.SIZE;
      long whole = all ? 0 : high >>> (shift - Long.SIZE);
      boolean exact = low == 0 && (all ? high == 0 : whole << (shift - Long.SIZE) == high);
      return exact ? whole : whole + 1;
    }
    long whole = (high << (Long.SIZE - shift)) | (low >>> shift);
    return whole << shift == low ? whole : whole + 1;
  }

  /** floor(R S / 2^128) for random bits R, of 128 bits: the position of a draw in the sum. */
  public static long pointedAt(long high, long low, long sum) {
    long upper = high * sum;
    long carry = Math.unsignedMultiplyHigh(low, sum);
    boolean overflows = Long.compareUnsigned(upper + carry, upper) < 0;
    return Math.unsignedMultiplyHigh(high, sum) + (overflows ? 1 : 0);
  }
}
