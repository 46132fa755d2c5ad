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

  /** Uses the current piece of an array. */
  public void take(Layout array, MemorySegment piece) {
    segment = piece;
    type = array.type;
    outer = array.outer;
    inner = array.inner;
    stride = array.classes;
    at = 0;
  }

  /** Drops the reference to the memory. */
  public void release() {
    segment = MemorySegment.NULL;
  }

  /**
   * Moves to a row of the piece.
   *
   * @param innerSize the inner size of the piece
   */
  public void enter(long row, long innerSize) {
    at = row / innerSize * outer + row % innerSize * inner;
  }

  /** Moves to a ragged row whose classes begin at {@code first} in the values of all rows. */
  public void enterRagged(long first) {
    at = first * stride;
  }

  /** The exact value of an element along the class axis. */
  public double get(long k) {
    return type.get(segment, at + k * stride);
  }

  /** Writes a number along the class axis, rounded to the element type. */
  public void set(long k, double value) {
    type.set(segment, at + k * stride, value);
  }

  /** The integer at an index along the class axis. */
  public long integer(long k) {
    return type.getInteger(segment, at + k * stride);
  }

  /** The flag at an index along the class axis. */
  public boolean flag(long k) {
    return segment.get(ValueLayout.JAVA_BYTE, at + k * stride) != 0;
  }
}
