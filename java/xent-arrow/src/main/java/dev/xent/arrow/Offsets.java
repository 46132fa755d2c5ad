// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Offsets of lists, as I32 or I64. */
final class Offsets {
  private Offsets() {}

  /** The offset of list {@code list}; for the number of lists, the end of the last list. */
  static long at(MemorySegment offsets, DType type, long list) {
    return type == DType.I32
        ? offsets.getAtIndex(ValueLayout.JAVA_INT, list)
        : offsets.getAtIndex(ValueLayout.JAVA_LONG, list);
  }

  /** Rejects negative and decreasing offsets. */
  static void requirePossible(MemorySegment offsets, DType type, long lists) {
    long begin = lists == 0 ? 0 : at(offsets, type, 0);
    for (long list = 1; list <= lists; list++) {
      long end = at(offsets, type, list);
      if (begin < 0 || end < begin) {
        throw new MemoryException(
            message(
                "list %d goes from value %d to value %d: offsets must be 0 or more, and none less than the one before",
                list - 1, begin, end));
      }
      begin = end;
    }
  }

  /** The offsets of zero rows, which Arrow may leave out. */
  static Tensor ofNoRows(DType type) {
    return type == DType.I32 ? Tensor.of(new int[1]) : Tensor.of(new long[1]);
  }
}
