// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.RepetitionOptions;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A growing set of classes with one bias each. */
final class TokenBiases {
  private static final int FIRST_CAPACITY = 64;
  private static final int UNUSED = -1;

  private int[] classes = new int[FIRST_CAPACITY];

  /** The number of tokens that each class repeats; later the bias of its logit. */
  private float[] values = new float[FIRST_CAPACITY];

  private int count;

  /** A hash table of indices in the arrays, plus 1; 0: unused. */
  private int[] slots = new int[2 * FIRST_CAPACITY];

  private View tokens = TokenHistory.unused(FIRST_CAPACITY);
  private View numbers = View.room(ElementType.F32, FIRST_CAPACITY);

  /** The number of entries of the memory that are used. */
  private int written;

  // The memory, in the shape of a row of logits.
  private @Nullable View tokenRow;
  private @Nullable View numberRow;
  private int rowAxis;

  void clear() {
    Arrays.fill(slots, 0);
    count = 0;
  }

  void ban(int token) {
    int place = place(token);
    values[place] = Float.NEGATIVE_INFINITY;
  }

  /** Records that a class repeats {@code length} tokens; a class keeps its largest length. */
  void repeat(int token, int length) {
    int place = place(token);
    values[place] = Math.max(values[place], length);
  }

  /** Replaces all lengths by penalties: the multiplier times a power of the base, in double. */
  void setPenalties(RepetitionOptions options) {
    for (int i = 0; i < count; i++) {
      double penalty = options.dryMultiplier();
      for (long k = (long) values[i] - options.dryAllowedLength(); k > 0; k--) {
        penalty *= options.dryBase();
        if (penalty > Float.MAX_VALUE || options.dryBase() == 1) {
          break;
        }
      }
      values[i] = (float) -penalty;
    }
  }

  /** The index of a class, which is added if it is new. */
  private int place(int token) {
    int slot = slotOf(token);
    if (slots[slot] != 0) {
      return slots[slot] - 1;
    }
    if (count == classes.length) {
      grow();
      slot = slotOf(token);
    }
    classes[count] = token;
    values[count] = 0;
    slots[slot] = ++count;
    return count - 1;
  }

  /** The slot of a class, or the unused slot in which to insert it. */
  private int slotOf(int token) {
    int mask = slots.length - 1;
    int mixed = token * 0x9E3779B9;
    int slot = (mixed ^ mixed >>> 15) & mask;
    while (slots[slot] != 0 && classes[slots[slot] - 1] != token) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  /** Replaces all memory at once: if there is none left, nothing has changed. */
  private void grow() {
    int capacity = 2 * classes.length;
    int[] moreClasses = Arrays.copyOf(classes, capacity);
    float[] moreValues = Arrays.copyOf(values, capacity);
    int[] moreSlots = new int[2 * capacity];
    View moreTokens = TokenHistory.unused(capacity);
    View moreNumbers = View.room(ElementType.F32, capacity);
    classes = moreClasses;
    values = moreValues;
    slots = moreSlots;
    for (int i = 0; i < count; i++) {
      slots[slotOf(classes[i])] = i + 1;
    }
    tokens = moreTokens;
    written = 0;
    numbers = moreNumbers;
    tokenRow = null;
  }

  /** Writes the biases, and returns the classes along the class axis of a row of logits. */
  View tokens(View logits, int axis) {
    shape(logits, axis);
    for (int i = 0; i < count; i++) {
      tokens.segment.setAtIndex(ValueLayout.JAVA_INT, i, classes[i]);
      numbers.segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
    }
    for (int i = count; i < written; i++) {
      tokens.segment.setAtIndex(ValueLayout.JAVA_INT, i, UNUSED);
    }
    written = count;
    return Objects.requireNonNull(tokenRow);
  }

  /** The biases of the classes, in the same shape. */
  View values(View logits, int axis) {
    shape(logits, axis);
    return Objects.requireNonNull(numberRow);
  }

  private void shape(View logits, int axis) {
    View known = tokenRow;
    if (known == null || known.rank() != logits.rank() || rowAxis != axis) {
      View made = TokenHistory.along(tokens, logits, axis);
      numberRow = TokenHistory.along(numbers, logits, axis);
      tokenRow = made;
      rowAxis = axis;
    }
  }
}
