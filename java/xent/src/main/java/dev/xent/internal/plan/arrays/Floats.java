// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import dev.xent.internal.kernels.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Single elements of every type of floats: widened exactly, rounded once to nearest even. */
public final class Floats {
  private Floats() {}

  /** The element so many elements behind the start; of bytes, which are flags, their number. */
  public static double get(MemorySegment segment, ElementType type, long index) {
    return type == ElementType.I8
        ? get(segment, ElementType.U8, index)
        : ElementType.of(type.number()).get(segment, index);
  }

  /** The same of a type whose elements a float can hold: of F32 with its very bits. */
  static float getFloat(MemorySegment segment, ElementType type, long index) {
    return type == ElementType.F32
        ? segment.getAtIndex(ValueLayout.JAVA_FLOAT, index)
        : (float) get(segment, type, index);
  }

  /** Writes a float; F32 gets its very bits. */
  static void setFloat(MemorySegment segment, ElementType type, long index, float value) {
    if (type == ElementType.F32) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
    } else {
      set(segment, type, index, value);
    }
  }

  /** Writes a number, rounded to the type; every NaN is the canonical one. */
  public static void set(MemorySegment segment, ElementType type, long index, double value) {
    ElementType.of(type.number()).set(segment, index, value);
  }
}
