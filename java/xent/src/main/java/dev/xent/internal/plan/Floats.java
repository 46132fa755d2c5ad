// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.internal.kernels.Halves;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Single elements of every type of floats: widened exactly, rounded once to nearest even. */
public final class Floats {
  private Floats() {}

  /** The element so many elements behind the start; of bytes, which are flags, their number. */
  static double get(MemorySegment segment, DType type, long index) {
    return switch (type) {
      case F32 -> segment.getAtIndex(ValueLayout.JAVA_FLOAT, index);
      case F64 -> segment.getAtIndex(ValueLayout.JAVA_DOUBLE, index);
      case F16 -> Halves.ofFloat16(segment.getAtIndex(ValueLayout.JAVA_SHORT, index));
      case BF16 -> Halves.ofBFloat16(segment.getAtIndex(ValueLayout.JAVA_SHORT, index));
      case U8, I8 -> segment.get(ValueLayout.JAVA_BYTE, index) & 0xff;
      case I16, I32, I64 -> throw new AssertionError(type);
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
      case F16 -> segment.setAtIndex(ValueLayout.JAVA_SHORT, index, Halves.toFloat16(value));
      case BF16 -> segment.setAtIndex(ValueLayout.JAVA_SHORT, index, Halves.toBFloat16(value));
      case U8, I8, I16, I32, I64 -> throw new AssertionError(type);
    }
  }
}
