// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import dev.xent.internal.kernels.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** One row of an array of a call, for operations without a kernel. */
public final class ArrayRow {
  private MemorySegment segment = MemorySegment.NULL;
  private ElementType type = ElementType.F32;
  private long outer;
  private long inner;
  private long stride;
  private long at;

  /** Takes the current piece of an array; false where the call does without it. */
  public boolean take(CallArray part) {
    if (part.view == null) {
      return false;
    }
    segment = part.segment();
    type = part.view.type;
    outer = part.outer;
    inner = part.inner;
    stride = part.classes;
    at = 0;
    return true;
  }

  /** Lets go of the memory. */
  public void release() {
    segment = MemorySegment.NULL;
  }

  /**
   * Goes to a row of the piece.
   *
   * @param innerSize of the piece
   */
  public void enter(long row, long innerSize) {
    at = row / innerSize * outer + row % innerSize * inner;
  }

  /** Goes to a ragged row, whose classes begin at this place among all. */
  public void enterRagged(long first) {
    at = first * stride;
  }

  /** The number at a place along the class axis, exactly. */
  public double get(long k) {
    return Floats.get(segment, type, at + k * stride);
  }

  /** Writes a number, rounded to the type. */
  public void set(long k, double value) {
    Floats.set(segment, type, at + k * stride, value);
  }

  /** The integer at a place along the class axis. */
  public long integer(long k) {
    return Memory.getLong(segment, type, at + k * stride);
  }

  /** The flag at a place along the class axis. */
  public boolean flag(long k) {
    return segment.get(ValueLayout.JAVA_BYTE, at + k * stride) != 0;
  }
}
