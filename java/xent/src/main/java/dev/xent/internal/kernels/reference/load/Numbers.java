// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.load;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Halves;
import java.lang.foreign.MemorySegment;

/**
 * Numbers of any type that a float array or a weight may have, as doubles: widened exactly, rounded
 * once to nearest even. Every NaN that is written is the canonical quiet one. Indices and strides
 * in elements.
 *
 * <p>Unaligned, because a heap segment may be a view of bytes; alignment has been checked.
 */
public final class Numbers {
  private Numbers() {}

  /** The number at an index. U8 is a number too: the weight of a row. */
  public static double get(MemorySegment array, int type, long index) {
    if (type == XentH.XENT_F32()) {
      return array.get(JAVA_FLOAT_UNALIGNED, index * Float.BYTES);
    }
    if (type == XentH.XENT_F64()) {
      return array.get(JAVA_DOUBLE_UNALIGNED, index * Double.BYTES);
    }
    if (type == XentH.XENT_U8()) {
      return Byte.toUnsignedInt(array.get(JAVA_BYTE, index));
    }
    short bits = array.get(JAVA_SHORT_UNALIGNED, index * Short.BYTES);
    return type == XentH.XENT_F16() ? Halves.ofFloat16(bits) : Halves.ofBFloat16(bits);
  }

  /** Stores a number, rounded once. */
  public static void set(MemorySegment array, int type, long index, double value) {
    if (type == XentH.XENT_F32()) {
      float v = (float) value;
      array.set(JAVA_FLOAT_UNALIGNED, index * Float.BYTES, v == v ? v : Float.NaN);
    } else if (type == XentH.XENT_F64()) {
      setDouble(array, index * Double.BYTES, value);
    } else {
      short bits = type == XentH.XENT_F16() ? Halves.toFloat16(value) : Halves.toBFloat16(value);
      array.set(JAVA_SHORT_UNALIGNED, index * Short.BYTES, bits);
    }
  }

  /** The double at an offset in bytes. */
  public static double getDouble(MemorySegment record, long at) {
    return record.get(JAVA_DOUBLE_UNALIGNED, at);
  }

  /** Stores a double at an offset in bytes. */
  public static void setDouble(MemorySegment record, long at, double v) {
    record.set(JAVA_DOUBLE_UNALIGNED, at, v == v ? v : Double.NaN);
  }

  /** Loads so many numbers. */
  public static void load(
      MemorySegment array, int type, long index, long stride, double[] into, int count) {
    if (type == XentH.XENT_F32() && stride == 1) { // a loop that becomes vector code
      long begin = index * Float.BYTES;
      for (int i = 0; i < count; i++) {
        into[i] = array.get(JAVA_FLOAT_UNALIGNED, begin + (long) i * Float.BYTES);
      }
      return;
    }
    for (int i = 0; i < count; i++) {
      into[i] = get(array, type, index + i * stride);
    }
  }

  /** Stores so many numbers. */
  public static void store(
      double[] from, int count, MemorySegment array, int type, long index, long stride) {
    for (int i = 0; i < count; i++) {
      set(array, type, index + i * stride, from[i]);
    }
  }

  /** Stores a class number or a rank as I32 or I64. */
  public static void setClass(MemorySegment array, int type, long index, long value) {
    if (type == XentH.XENT_I64()) {
      array.set(JAVA_LONG_UNALIGNED, index * Long.BYTES, value);
    } else {
      array.set(JAVA_INT_UNALIGNED, index * Integer.BYTES, (int) value);
    }
  }
}
