// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Single elements of every type of floats: widened exactly, rounded once to nearest even. */
public final class Floats {
  private static final int BF16_SHIFT = 16;
  private static final int BF16_HALF = 0x7fff;
  private static final short F16_NAN = 0x7e00;
  private static final short BF16_NAN = 0x7fc0;

  private Floats() {}

  /** The element so many elements behind the start; of U8 its number. */
  static double get(MemorySegment segment, DType type, long index) {
    return switch (type) {
      case F32 -> segment.getAtIndex(ValueLayout.JAVA_FLOAT, index);
      case F64 -> segment.getAtIndex(ValueLayout.JAVA_DOUBLE, index);
      case F16 -> Float.float16ToFloat(segment.getAtIndex(ValueLayout.JAVA_SHORT, index));
      case BF16 -> ofBf16(segment.getAtIndex(ValueLayout.JAVA_SHORT, index));
      case U8 -> segment.get(ValueLayout.JAVA_BYTE, index) & 0xff;
      case I8, I16, I32, I64 -> throw new AssertionError(type);
    };
  }

  /** The same of a type whose elements a float can hold: of F32 with its very bits. */
  static float getFloat(MemorySegment segment, DType type, long index) {
    return type == DType.F32
        ? segment.getAtIndex(ValueLayout.JAVA_FLOAT, index)
        : (float) get(segment, type, index);
  }

  /** Writes a float; F32 gets its very bits. */
  static void setFloat(MemorySegment segment, DType type, long index, float value) {
    if (type == DType.F32) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
    } else {
      set(segment, type, index, value);
    }
  }

  /** Writes a number, rounded to the type; every NaN is the canonical one. */
  static void set(MemorySegment segment, DType type, long index, double value) {
    switch (type) {
      case F32 ->
          segment.setAtIndex(
              ValueLayout.JAVA_FLOAT, index, value != value ? Float.NaN : (float) value);
      case F64 ->
          segment.setAtIndex(ValueLayout.JAVA_DOUBLE, index, value != value ? Double.NaN : value);
      case F16 -> segment.setAtIndex(ValueLayout.JAVA_SHORT, index, toF16(value));
      case BF16 -> segment.setAtIndex(ValueLayout.JAVA_SHORT, index, toBf16(value));
      case U8, I8, I16, I32, I64 -> throw new AssertionError(type);
    }
  }

  private static float ofBf16(short bits) {
    return Float.intBitsToFloat(bits << BF16_SHIFT);
  }

  private static short toF16(double value) {
    return value != value ? F16_NAN : Float.floatToFloat16(toOdd(value));
  }

  private static short toBf16(double value) {
    float near = toOdd(value);
    if (near != near) {
      return BF16_NAN;
    }
    int bits = Float.floatToRawIntBits(near);
    int even = bits >>> BF16_SHIFT & 1;
    return (short) (bits + BF16_HALF + even >>> BF16_SHIFT);
  }

  /**
   * The value as a float whose last bit says whether it was exact: rounding that to fewer bits
   * gives what rounding the value at once gives.
   */
  private static float toOdd(double value) {
    float near = (float) value;
    if (near == value || near != near || (Float.floatToRawIntBits(near) & 1) != 0) {
      return near;
    }
    if (Float.isInfinite(near)) {
      return near;
    }
    return near < value ? Math.nextUp(near) : Math.nextDown(near);
  }
}
