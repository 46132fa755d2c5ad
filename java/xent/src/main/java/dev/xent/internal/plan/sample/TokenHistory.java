// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The tokens of one text, in memory that doubles when it is full. */
final class TokenHistory {
  private static final int FIRST_CAPACITY = 64;

  /** The value of an unused entry. */
  private static final int UNUSED = -1;

  /** The memory of most cursors, whose samplers have no penalties. */
  private static final View NONE = View.room(ElementType.I32, 0);

  private View memory = NONE;
  private int count;

  /** The largest token; UNUSED if the text is empty. */
  private int largest = UNUSED;

  /** The memory, in the shape of a row of logits. */
  private @Nullable View row;

  private int rowAxis;

  static View unused(int capacity) {
    View made = View.room(ElementType.I32, capacity);
    made.segment.fill((byte) UNUSED);
    return made;
  }

  /** Copies another history; if there is no memory left, nothing has changed. */
  void copyFrom(TokenHistory other) {
    View made = unused((int) other.memory.elements);
    MemorySegment.copy(other.memory.segment, 0, made.segment, 0, made.bytes);
    memory = made;
    count = other.count;
    largest = other.largest;
    row = null;
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
    note(token);
  }

  /** Counts a token for {@link #largest} alone. */
  void note(int token) {
    largest = Math.max(largest, token);
  }

  /** Keeps only the first {@code newCount} tokens. */
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

  /** One-dimensional memory along the class axis of a row of logits. */
  static View along(View memory, View logits, int axis) {
    long[] shape = new long[logits.rank()];
    Arrays.fill(shape, 1);
    shape[axis] = memory.elements;
    long[] strides = new long[shape.length];
    Arrays.fill(strides, 1);
    return memory.with(0, shape, strides);
  }
}
