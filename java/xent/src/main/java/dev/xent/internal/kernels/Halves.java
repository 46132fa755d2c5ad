// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** float16 and bfloat16: widened exactly, rounded once to nearest even, subnormals kept. */
public final class Halves {
  /** The canonical NaN of float16. */
  private static final short F16_NAN = 0x7e00;

  /** The canonical NaN of bfloat16. */
  private static final short BF16_NAN = 0x7fc0;

  private Halves() {}

  /** What the bits of a float16 mean. */
  public static float ofFloat16(short bits) {
    return Float.float16ToFloat(bits);
  }

  /** What the bits of a bfloat16 mean. */
  public static float ofBFloat16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** The float16 nearest to a number. */
  public static short toFloat16(double value) {
    return value == value ? Float.floatToFloat16(roundedToOdd(value)) : F16_NAN;
  }

  /** The bfloat16 nearest to a number. */
  public static short toBFloat16(double value) {
    if (value != value) {
      return BF16_NAN;
    }
    // Half of the last place, less one where that is even, carries where it must round up.
    int bits = Float.floatToRawIntBits(roundedToOdd(value));
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  /**
   * The float of two neighbours whose last bit is 1, where the value lies between them: rounding it
   * once more gives what rounding the value gives.
   */
  private static float roundedToOdd(double value) {
    float nearest = (float) value;
    int bits = Float.floatToRawIntBits(nearest);
    if ((bits & 1) == 1 || nearest == value) {
      return nearest;
    }
    return Float.intBitsToFloat(Math.abs(value) > Math.abs(nearest) ? bits + 1 : bits - 1);
  }
}
