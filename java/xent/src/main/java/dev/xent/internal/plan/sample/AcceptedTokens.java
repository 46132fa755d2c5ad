// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import java.util.Arrays;

/**
 * The largest of the tokens that a cursor accepted until each step, for a check alone: the tokens
 * of a text that no option uses are not kept.
 */
final class AcceptedTokens {
  private static final int NONE = -1;

  /** Each entry is larger than those before. */
  private int[] tokens = {};

  private long[] steps = {};
  private int count;

  void copyFrom(AcceptedTokens other) {
    int[] copy = other.tokens.clone();
    steps = other.steps.clone();
    tokens = copy;
    count = other.count;
  }

  void add(long step, int token) {
    if (token <= largest()) {
      return;
    }
    if (count == tokens.length) {
      int[] more = Arrays.copyOf(tokens, 2 * count + 1);
      steps = Arrays.copyOf(steps, 2 * count + 1);
      tokens = more;
    }
    tokens[count] = token;
    steps[count++] = step;
  }

  /** Forgets the tokens from a step on. */
  void dropFrom(long step) {
    while (count > 0 && steps[count - 1] >= step) {
      count--;
    }
  }

  /** The largest token; -1 without any. */
  int largest() {
    return count == 0 ? NONE : tokens[count - 1];
  }
}
