// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.xent_tally;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An exact sum of floats: {@code xent_tally}. One integer counter per exponent, so the order of
 * adding does not matter.
 *
 * <p>A finite float with the exponent field E adds its signed mantissa to counter E, worth
 * 2^(max(E, 1) - 150) each.
 */
final class Tally {
  private static final int EXPONENTS = 256;

  /** The exponent of the least float. */
  private static final int LEAST_EXPONENT = -149;

  private static final long BINS = xent_tally.bins$offset();

  private Tally() {}

  /** Whether there is a tally of this size. */
  static boolean isUsable(MemorySegment tally) {
    return SizedStruct.isThere(tally) && SizedStruct.size(tally) == xent_tally.layout().byteSize();
  }

  /** Adds one float. */
  static void add(MemorySegment tally, float v) {
    int bits = Float.floatToRawIntBits(v);
    int exponent = (bits >>> 23) & 0xff;
    int fraction = bits & 0x7fffff;
    if (exponent == 0xff) {
      addSpecial(tally, v);
      return;
    }
    long mantissa = exponent == 0 ? fraction : fraction | 0x800000;
    long at = BINS + (long) exponent * Long.BYTES;
    long bin = tally.get(ValueLayout.JAVA_LONG, at);
    tally.set(ValueLayout.JAVA_LONG, at, bits < 0 ? bin - mantissa : bin + mantissa);
  }

  private static void addSpecial(MemorySegment tally, float v) {
    if (v != v) {
      xent_tally.nan(tally, xent_tally.nan(tally) + 1);
    } else if (v > 0) {
      xent_tally.positive_infinity(tally, xent_tally.positive_infinity(tally) + 1);
    } else {
      xent_tally.negative_infinity(tally, xent_tally.negative_infinity(tally) + 1);
    }
  }

  /** Adds what another holds. */
  static void merge(MemorySegment tally, MemorySegment other) {
    xent_tally.nan(tally, xent_tally.nan(tally) + xent_tally.nan(other));
    xent_tally.positive_infinity(
        tally, xent_tally.positive_infinity(tally) + xent_tally.positive_infinity(other));
    xent_tally.negative_infinity(
        tally, xent_tally.negative_infinity(tally) + xent_tally.negative_infinity(other));
    for (int i = 0; i < EXPONENTS; i++) {
      long at = BINS + (long) i * Long.BYTES;
      tally.set(
          ValueLayout.JAVA_LONG,
          at,
          tally.get(ValueLayout.JAVA_LONG, at) + other.get(ValueLayout.JAVA_LONG, at));
    }
  }

  /**
   * The sum, rounded once to nearest even: NaN after a NaN or infinities of both signs, +0 for
   * zero.
   *
   * @param exact scratch
   */
  static double sum(MemorySegment tally, ExactSum exact) {
    boolean positive = xent_tally.positive_infinity(tally) != 0;
    boolean negative = xent_tally.negative_infinity(tally) != 0;
    if (xent_tally.nan(tally) != 0 || (positive && negative)) {
      return Double.NaN;
    }
    if (positive || negative) {
      return positive ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY;
    }
    exact.clear();
    for (int exponent = 0; exponent < EXPONENTS - 1; exponent++) {
      long at = BINS + (long) exponent * Long.BYTES;
      exact.add(tally.get(ValueLayout.JAVA_LONG, at), Math.max(exponent, 1) - 1);
    }
    return Math.scalb(exact.toDouble(), LEAST_EXPONENT);
  }
}
