// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.load.Codes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Single elements of every type of floats: widened exactly, rounded once to nearest even. */
public final class Floats {
  private Floats() {}

  /** The element so many elements behind the start; of bytes, which are flags, their number. */
  static double get(MemorySegment segment, DType type, long index) {
    return type == DType.I8
        ? get(segment, DType.U8, index)
        : ElementType.of(Codes.of(type)).get(segment, index);
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
    ElementType.of(Codes.of(type)).set(segment, index, value);
  }
}
