// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import dev.xent.internal.kernels.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Reads and writes single elements of every floating-point type: reads are exact, writes round once
 * to nearest even.
 */
public final class Floats {
  private Floats() {}

  /** The element at an index; for bytes, which are flags, their unsigned value. */
  public static double get(MemorySegment segment, ElementType type, long index) {
    return type == ElementType.I8
        ? get(segment, ElementType.U8, index)
        : ElementType.of(type.number()).get(segment, index);
  }

  /**
   * The element at an index, of a type that float represents exactly; an F32 element keeps all its
   * bits.
   */
  static float getFloat(MemorySegment segment, ElementType type, long index) {
    return type == ElementType.F32
        ? segment.getAtIndex(ValueLayout.JAVA_FLOAT, index)
        : (float) get(segment, type, index);
  }

  /** Writes a float; an F32 element gets all its bits. */
  static void setFloat(MemorySegment segment, ElementType type, long index, float value) {
    if (type == ElementType.F32) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
    } else {
      set(segment, type, index, value);
    }
  }

  /** Writes a number, rounded to the type; every NaN becomes the canonical one. */
  public static void set(MemorySegment segment, ElementType type, long index, double value) {
    ElementType.of(type.number()).set(segment, index, value);
  }
}
