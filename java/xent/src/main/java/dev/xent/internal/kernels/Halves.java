// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/** float16 and bfloat16: widened exactly, rounded once to nearest even, subnormals kept. */
public final class Halves {
  /** The canonical NaN of float16. */
  private static final short F16_NAN = 0x7e00;

  /** The canonical NaN of bfloat16. */
  private static final short BF16_NAN = 0x7fc0;

  private Halves() {}

  /** The value of a float16. */
  public static float ofFloat16(short bits) {
    return Float.float16ToFloat(bits);
  }

  /** The value of a bfloat16. */
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
    // Adding half of the last place, minus one if the last bit is even, carries exactly if rounding
    // goes up.
    int bits = Float.floatToRawIntBits(roundedToOdd(value));
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  /**
   * Rounds to odd: a value between two neighbouring floats becomes the one whose last bit is 1.
   * Rounding the result again equals rounding the value once.
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
