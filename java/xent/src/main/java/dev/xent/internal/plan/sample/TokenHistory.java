// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Tokens of one text, in memory that grows: it is twice as large whenever it is full. */
final class TokenHistory {
  private static final int FIRST_CAPACITY = 64;

  /** What marks an entry that is not used. */
  private static final int UNUSED = -1;

  /** What most cursors stay with: their samplers have no penalty. */
  private static final View NONE = View.room(ElementType.I32, 0);

  private View memory = NONE;
  private int count;

  /** The largest one; UNUSED: there is none. */
  private int largest = UNUSED;

  /** The memory in the shape of a row of logits. */
  private @Nullable View row;

  private int rowAxis;

  static View unused(int capacity) {
    View made = View.room(ElementType.I32, capacity);
    made.segment.fill((byte) UNUSED);
    return made;
  }

  int count() {
    return count;
  }

  int largest() {
    return largest;
  }

  void add(int token) {
    if (count == memory.elements) {
      View more = unused(Math.max(FIRST_CAPACITY, Math.multiplyExact(2, count)));
      MemorySegment.copy(memory.segment, 0, more.segment, 0, memory.bytes);
      memory = more;
      row = null;
    }
    memory.segment.setAtIndex(ValueLayout.JAVA_INT, count++, token);
    largest = Math.max(largest, token);
  }

  /** Forgets all tokens but the first ones. */
  void truncate(int newCount) {
    largest = UNUSED;
    for (int i = 0; i < newCount; i++) {
      largest = Math.max(largest, memory.segment.getAtIndex(ValueLayout.JAVA_INT, i));
    }
    for (int i = newCount; i < count; i++) {
      memory.segment.setAtIndex(ValueLayout.JAVA_INT, i, UNUSED);
    }
    count = newCount;
  }

  /** All tokens and unused entries, along the class axis of a row of logits. */
  View along(View logits, int axis) {
    View known = row;
    if (known != null && known.rank() == logits.rank() && rowAxis == axis) {
      return known;
    }
    View made = along(memory, logits, axis);
    row = made;
    rowAxis = axis;
    return made;
  }

  /** Memory of one dimension along the class axis of a row of logits. */
  static View along(View memory, View logits, int axis) {
    long[] shape = new long[logits.rank()];
    Arrays.fill(shape, 1);
    shape[axis] = memory.elements;
    long[] strides = new long[shape.length];
    Arrays.fill(strides, 1);
    return memory.with(0, shape, strides);
  }
}
