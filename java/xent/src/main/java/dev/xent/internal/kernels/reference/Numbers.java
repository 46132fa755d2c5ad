// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Halves;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Numbers of any type that a float array or a weight may have, as doubles: widened exactly, rounded
 * once to nearest even. Indices and strides in elements.
 */
final class Numbers {
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
    return type == XentH.XENT_F16() ? Halves.ofFloat16(bits) : Halves.ofBFloat16(bits);
  }

  /** Stores a number, rounded once. */
  static void set(MemorySegment array, int type, long index, double value) {
    if (type == XentH.XENT_F32()) {
      array.set(ValueLayout.JAVA_FLOAT_UNALIGNED, index * Float.BYTES, Canonical.of((float) value));
    } else if (type == XentH.XENT_F64()) {
      array.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, index * Double.BYTES, Canonical.of(value));
    } else {
      short bits = type == XentH.XENT_F16() ? Halves.toFloat16(value) : Halves.toBFloat16(value);
      array.set(ValueLayout.JAVA_SHORT_UNALIGNED, index * Short.BYTES, bits);
    }
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

  /** Stores a class number or a rank as I32 or I64. */
  static void setClass(MemorySegment array, int type, long index, long value) {
    if (type == XentH.XENT_I64()) {
      array.set(ValueLayout.JAVA_LONG_UNALIGNED, index * Long.BYTES, value);
    } else {
      array.set(ValueLayout.JAVA_INT_UNALIGNED, index * Integer.BYTES, (int) value);
    }
  }
}
