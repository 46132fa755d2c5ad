// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The offsets of ragged rows: row r has the classes from offset r up to, but not including, offset
 * r + 1.
 */
public final class RowOffsets {
  private RowOffsets() {}

  /** Rejects a tensor whose type or shape cannot be offsets of these values. */
  public static void require(String name, View offsets, String leadName, View lead) {
    Types.requireIndex(name, offsets);
    if (offsets.rank() != 1 || offsets.elements == 0 || !offsets.contiguous) {
      throw new ShapeException(
          message(
              "%s is %s; expected one dimension of rows + 1 numbers without gaps", name, offsets));
    }
    if (lead.rank() != 1) {
      throw new ShapeException(
          message(
              "%s is %s, and %s are set; expected the classes of ragged rows in one dimension, row after row",
              leadName, lead, name));
    }
    Memory.requireAccess(offsets, name);
  }

  /**
   * The length of the longest row.
   *
   * @param copy a copy of the offsets that no other thread can write
   * @throws ShapeException for offsets that decrease or leave the values
   */
  public static long longest(
      String name, View offsets, MemorySegment copy, String leadName, View lead) {
    long longest = 0;
    long before = at(copy, offsets.type, 0);
    if (before < 0) {
      throw new ShapeException(
          message("%s begins with %d; expected offsets of 0 or more", name, before));
    }
    for (long row = 0; row < offsets.elements - 1; row++) {
      long after = at(copy, offsets.type, row + 1);
      if (after < before) {
        throw new ShapeException(
            message(
                "%s of row %d is %d, of row %d %d; expected offsets that do not fall",
                name, row, before, row + 1, after));
      }
      longest = Math.max(longest, after - before);
      before = after;
    }
    if (before > lead.elements) {
      throw new ShapeException(
          message(
              "%s ends with %d, %s is %s; expected a last offset of at most the number of values",
              name, before, leadName, lead));
    }
    return longest;
  }

  /** Rejects rows if their number times the longest row overflows 63 bits. */
  public static void requireCountable(String name, View offsets, long longest) {
    if (Math.multiplyHigh(offsets.elements, longest) != 0 || offsets.elements * longest < 0) {
      throw new ShapeException(
          message(
              "%s is %s with a row of %s; expected rows whose number times the longest is below 2^63",
              name, offsets, plural(longest, "class")));
    }
  }

  /** The offset at an index. */
  public static long at(MemorySegment segment, ElementType type, long index) {
    return type == ElementType.I32
        ? segment.getAtIndex(ValueLayout.JAVA_INT, index)
        : segment.getAtIndex(ValueLayout.JAVA_LONG, index);
  }
}
