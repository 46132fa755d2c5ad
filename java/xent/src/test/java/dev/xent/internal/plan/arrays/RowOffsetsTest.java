// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** How long the longest of ragged rows is, and how many of that length there may be. */
class RowOffsetsTest {
  private static View row(MemorySegment memory, ElementType type, long count) {
    return View.of(memory, type, new long[] {count}, new long[] {1}, memory);
  }

  private static View values(int count) {
    return row(MemorySegment.ofArray(new float[count]), ElementType.F32, count);
  }

  private static long longest(long... offsets) {
    MemorySegment memory = MemorySegment.ofArray(offsets);
    View view = row(memory, ElementType.I64, offsets.length);
    int last = (int) Arrays.stream(offsets).max().orElseThrow();
    return RowOffsets.longest("rowOffsets", view, memory, "logits", values(last));
  }

  @Test
  void theLongestRow() {
    assertThat(longest(0)).isZero();
    assertThat(longest(3, 3, 3)).isZero();
    assertThat(longest(2, 5, 6)).isEqualTo(3);
    assertThat(longest(0, 1, 1, 9, 11)).isEqualTo(8);
  }

  @Test
  void offsetsInClosedMemory() {
    View offsets;
    try (Arena arena = Arena.ofConfined()) {
      offsets = row(arena.allocate(16, 4), ElementType.I32, 4);
    }
    assertThatThrownBy(() -> RowOffsets.require("rowOffsets", offsets, "logits", values(4)))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("rowOffsets");
  }

  private static void countable(long offsets, long longest) {
    MemorySegment memory = MemorySegment.ofArray(new int[1]);
    View view = View.of(memory, ElementType.I32, new long[] {offsets}, new long[] {0}, null);
    RowOffsets.requireCountable("rowOffsets", view, longest);
  }

  @Test
  void asManyClassesAsCanBeCounted() {
    assertThatCode(() -> countable(3, 0)).doesNotThrowAnyException();
    assertThatCode(() -> countable(1L << 32, (1L << 31) - 1)).doesNotThrowAnyException();
    for (long longest : new long[] {1L << 31, 1L << 32, Long.MAX_VALUE}) {
      assertThatThrownBy(() -> countable(1L << 32, longest))
          .isInstanceOf(ShapeException.class)
          .hasMessageContaining("a row of " + longest + " classes")
          .hasMessageContaining("below 2^63");
    }
  }
}
