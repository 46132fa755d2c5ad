// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Numbers of any type that a float array or a weight may have, as doubles: widened exactly, rounded
 * once to nearest even. Indices and strides in elements.
 */
final class Numbers {
  /** The canonical NaN of bfloat16. */
  private static final short BF16_NAN = 0x7fc0;

  /** The canonical NaN of float16. */
  private static final short F16_NAN = 0x7e00;

  private Numbers() {}

  /** The number at an index. U8 is a number too: the weight of a row. */
  static double get(MemorySegment array, int type, long index) {
    if (type == XentH.XENT_F32()) {
      return array.get(ValueLayout.JAVA_FLOAT_UNALIGNED, index * Float.BYTES);
    }
    if (type == XentH.XENT_F64()) {
      return array.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, index * Double.BYTES);
    }
    if (type == XentH.XENT_U8()) {
      return Byte.toUnsignedInt(array.get(ValueLayout.JAVA_BYTE, index));
    }
    short bits = array.get(ValueLayout.JAVA_SHORT_UNALIGNED, index * Short.BYTES);
    return type == XentH.XENT_F16() ? Float.float16ToFloat(bits) : ofBFloat16(bits);
  }

  /** Stores a number, rounded once. */
  static void set(MemorySegment array, int type, long index, double value) {
    if (type == XentH.XENT_F32()) {
      array.set(ValueLayout.JAVA_FLOAT_UNALIGNED, index * Float.BYTES, Canonical.of((float) value));
    } else if (type == XentH.XENT_F64()) {
      array.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, index * Double.BYTES, Canonical.of(value));
    } else {
      float v = roundedToOdd(value);
      short bits = type == XentH.XENT_F16() ? toFloat16(v) : toBFloat16(v);
      array.set(ValueLayout.JAVA_SHORT_UNALIGNED, index * Short.BYTES, bits);
    }
  }

  /**
   * The float of two neighbours whose last bit is 1, where the value lies between them: rounding it
   * once more gives what rounding the value gives.
   */
  private static float roundedToOdd(double value) {
    float nearest = (float) value;
    int bits = Float.floatToRawIntBits(nearest);
    if ((bits & 1) == 1 || nearest == value || value != value) {
      return nearest;
    }
    return Float.intBitsToFloat(Math.abs(value) > Math.abs(nearest) ? bits + 1 : bits - 1);
  }

  static void load(
      MemorySegment array, int type, long index, long stride, double[] into, int count) {
    for (int i = 0; i < count; i++) {
      into[i] = get(array, type, index + i * stride);
    }
  }

  static void store(
      double[] from, int count, MemorySegment array, int type, long index, long stride) {
    for (int i = 0; i < count; i++) {
      set(array, type, index + i * stride, from[i]);
    }
  }

  static short toFloat16(float v) {
    return v == v ? Float.floatToFloat16(v) : F16_NAN;
  }

  static float ofBFloat16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** Half of the last place, less one where that is even, carries where it must round up. */
  static short toBFloat16(float v) {
    int bits = Float.floatToRawIntBits(v);
    return v == v ? (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16) : BF16_NAN;
  }

  /** Stores a class number or a rank as I32 or I64. */
  static void setClass(MemorySegment array, int type, long index, long value) {
    if (type == XentH.XENT_I64()) {
      array.set(ValueLayout.JAVA_LONG_UNALIGNED, index * Long.BYTES, value);
    } else {
      array.set(ValueLayout.JAVA_INT_UNALIGNED, index * Integer.BYTES, (int) value);
    }
  }
}
