// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Where lists begin and end, as I32 or I64. */
final class Offsets {
  private Offsets() {}

  /** The offset of a list, or behind the last one. */
  static long at(MemorySegment offsets, DType type, long list) {
    return type == DType.I32
        ? offsets.getAtIndex(ValueLayout.JAVA_INT, list)
        : offsets.getAtIndex(ValueLayout.JAVA_LONG, list);
  }

  /** The offsets of no rows, which Arrow may leave out. */
  static Tensor ofNoRows(DType type) {
    return type == DType.I32 ? Tensor.of(new int[1]) : Tensor.of(new long[1]);
  }
}
