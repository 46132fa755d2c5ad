// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of one text: those of the prompt, then others, in memory that doubles when it is full.
 */
final class TokenHistory {
  private static final ValueLayout.OfInt TOKEN = ValueLayout.JAVA_INT;

  private static final int FIRST_CAPACITY = 64;

  /** The value of an unused entry. */
  private static final int UNUSED = -1;

  /** The memory of most cursors, whose samplers use no tokens. */
  private static final View NONE = View.room(ElementType.I32, 0);

  private View memory = NONE;
  private int promptCount;
  private int count;

  // The largest tokens; UNUSED without any.
  private int largestOfPrompt = UNUSED;
  private int largestDrawn = UNUSED;

  // The memory from the prompt on, and from the other tokens on, with the rank of a row of logits.
  private @Nullable View promptRow;
  private @Nullable View drawnRow;
  private int rowRank;

  /** Memory of unused entries. */
  static View unused(int capacity) {
    View made = View.room(ElementType.I32, capacity);
    made.segment.fill((byte) UNUSED);
    return made;
  }

  /** Copies another history; if memory runs out, nothing has changed. */
  void copyFrom(TokenHistory other) {
    View made = unused((int) other.memory.elements);
    MemorySegment.copy(other.memory.segment, 0, made.segment, 0, made.bytes);
    use(made);
    promptCount = other.promptCount;
    count = other.count;
    largestOfPrompt = other.largestOfPrompt;
    largestDrawn = other.largestDrawn;
  }

  /** The number of all tokens. */
  int count() {
    return count;
  }

  int promptCount() {
    return promptCount;
  }

  /** The number of tokens after the prompt. */
  int drawnCount() {
    return count - promptCount;
  }

  int largestOfPrompt() {
    return largestOfPrompt;
  }

  int largestDrawn() {
    return largestDrawn;
  }

  /** The memory, which begins with all tokens. */
  View memory() {
    return memory;
  }

  /** Replaces the prompt. */
  void prompt(int[] tokens) {
    int drawn = drawnCount();
    View made = unused(Math.max(FIRST_CAPACITY, Math.addExact(tokens.length, drawn)));
    MemorySegment.copy(tokens, 0, made.segment, TOKEN, 0, tokens.length);
    long from = (long) promptCount * Integer.BYTES;
    long to = (long) tokens.length * Integer.BYTES;
    MemorySegment.copy(memory.segment, from, made.segment, to, (long) drawn * Integer.BYTES);
    use(made);
    promptCount = tokens.length;
    count = tokens.length + drawn;
    notePrompt(tokens);
  }

  /** Counts the tokens of a prompt for {@link #largestOfPrompt} alone. */
  void notePrompt(int[] tokens) {
    largestOfPrompt = Arrays.stream(tokens).max().orElse(UNUSED);
  }

  /** Appends a token. */
  void add(int token) {
    if (count == memory.elements) {
      View more = unused(Math.max(FIRST_CAPACITY, Math.multiplyExact(2, count)));
      MemorySegment.copy(memory.segment, 0, more.segment, 0, memory.bytes);
      use(more);
    }
    memory.segment.setAtIndex(TOKEN, count++, token);
    largestDrawn = Math.max(largestDrawn, token);
  }

  private void use(View made) {
    memory = made;
    rowRank = 0;
  }

  /** Removes the last tokens, at most those after the prompt. */
  void drop(int last) {
    for (int i = count - last; i < count; i++) {
      memory.segment.setAtIndex(TOKEN, i, UNUSED);
    }
    count -= last;
    largestDrawn = UNUSED;
    for (int i = promptCount; i < count; i++) {
      largestDrawn = Math.max(largestDrawn, memory.segment.getAtIndex(TOKEN, i));
    }
  }

  /** The tokens of the prompt, and others, for a row of a rank: see {@link View#from}. */
  View prompt(int rank) {
    shape(rank);
    return Objects.requireNonNull(promptRow);
  }

  /** The tokens after the prompt, and unused entries, as above. */
  View drawn(int rank) {
    shape(rank);
    return Objects.requireNonNull(drawnRow);
  }

  private void shape(int rank) {
    if (rowRank != rank) {
      if (memory.elements == 0) {
        use(unused(FIRST_CAPACITY));
      }
      View ofPrompt = memory.from(0, rank);
      drawnRow = memory.from(promptCount, rank);
      promptRow = ofPrompt;
      rowRank = rank;
    }
  }

  /** Elements of one-dimensional memory along the class axis of a row of logits. */
  static View along(View memory, long first, long elements, View logits, int axis) {
    long[] shape = new long[logits.rank()];
    Arrays.fill(shape, 1);
    shape[axis] = elements;
    long[] strides = new long[shape.length];
    Arrays.fill(strides, 1);
    return memory.with(first, shape, strides);
  }
}
