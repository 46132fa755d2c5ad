// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Copies in row-major order without gaps, for those who keep what they were given. */
public final class Contiguous {
  private Contiguous() {}

  /**
   * Copies all F32 elements.
   *
   * @param name of {@code from} in messages
   * @param to at least as long; may be the memory of {@code from} itself
   */
  public static void copy(View from, String name, MemorySegment to) {
    Memory.requireFloat(from);
    Memory.requireAccess(from, name);
    if (from.contiguous) {
      MemorySegment.copy(from.segment, 0, to, 0, from.bytes);
      return;
    }
    Odometer odometer = new Odometer(from);
    for (long i = 0; i < from.elements; i++) {
      to.setAtIndex(
          ValueLayout.JAVA_FLOAT,
          i,
          from.segment.getAtIndex(ValueLayout.JAVA_FLOAT, odometer.next()));
    }
  }
}
