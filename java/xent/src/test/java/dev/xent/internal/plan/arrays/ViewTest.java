// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** Whether views share bytes, and whether they are the same one. */
class ViewTest {
  private static final int FLOATS = 24;

  private static View floats(MemorySegment memory, long from, long count) {
    return view(memory.asSlice(4 * from), new long[] {count}, 1);
  }

  private static View view(MemorySegment memory, long[] shape, long... strides) {
    return View.of(memory, ElementType.F32, shape, strides, memory);
  }

  private static void assertOverlap(View a, View b, boolean expected) {
    assertThat(a.overlaps(b)).isEqualTo(expected);
    assertThat(b.overlaps(a)).isEqualTo(expected);
  }

  private static void overlapsWhereTheyShareBytes(MemorySegment memory) {
    for (MemorySegment seen : new MemorySegment[] {memory, memory.asReadOnly()}) {
      assertOverlap(floats(seen, 2, 4), floats(memory, 2, 4), true);
      assertOverlap(floats(seen, 2, 4), floats(memory, 5, 4), true);
      assertOverlap(floats(seen, 2, 4), floats(memory, 6, 4), false);
      assertOverlap(floats(seen, 6, 4), floats(memory, 2, 4), false);
      assertOverlap(floats(seen, 2, 9), floats(memory, 4, 1), true);
      assertOverlap(floats(seen, 4, 0), floats(memory, 2, 9), false);
    }
  }

  @Test
  void offTheHeap() {
    try (Arena arena = Arena.ofConfined()) {
      overlapsWhereTheyShareBytes(arena.allocate(4 * FLOATS, 4));
    }
  }

  /** A read-only segment does not return its array. */
  @Test
  void inOneArray() {
    overlapsWhereTheyShareBytes(MemorySegment.ofArray(new float[FLOATS]));
  }

  @Test
  void inTwoArrays() {
    MemorySegment one = MemorySegment.ofArray(new float[FLOATS]);
    MemorySegment other = MemorySegment.ofArray(new float[FLOATS]);
    assertOverlap(floats(one, 0, 4), floats(other, 0, 4), false);
    assertOverlap(floats(one.asReadOnly(), 0, 4), floats(other, 0, 4), false);
    assertOverlap(floats(one.asReadOnly(), 0, 4), floats(other.asReadOnly(), 0, 4), false);
    try (Arena arena = Arena.ofConfined()) {
      assertOverlap(floats(one, 0, 4), floats(arena.allocate(16, 4), 0, 4), false);
    }
  }

  @Test
  void inPlaceOfWhatNamesTheSameElements() {
    MemorySegment memory = MemorySegment.ofArray(new float[FLOATS]);
    View row = view(memory, new long[] {1, 4}, 4, 1);
    assertThat(row.isInPlaceOf(view(memory, new long[] {1, 4}, 9, 1))).isTrue();
    assertThat(row.isInPlaceOf(view(memory, new long[] {1, 4}, 4, 2))).isFalse();
    assertThat(row.isInPlaceOf(view(memory, new long[] {2, 4}, 4, 1))).isFalse();
    assertThat(row.isInPlaceOf(view(memory, new long[] {4}, 1))).isFalse();
    assertThat(row.isInPlaceOf(view(memory.asSlice(4), new long[] {1, 4}, 4, 1))).isFalse();
    View integers = View.of(memory, ElementType.I32, new long[] {1, 4}, new long[] {4, 1}, memory);
    assertThat(row.isInPlaceOf(integers)).isFalse();
  }
}
