// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.arrays.Described;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Options against repetition in a text. They need the previous tokens in order, which only a cursor
 * has.
 *
 * @param noRepeatNgram the n of n-grams that may occur only once in a text; 0: no limit
 * @param bannedSequences token sequences that must not occur; each is non-empty
 * @param dryMultiplier the penalty of the shortest repetition that is penalized; 0: no penalty
 * @param dryBase the factor of the penalty for each further token
 * @param dryAllowedLength the length of the shortest repetition that is penalized
 * @param dryRange the number of last tokens that are searched
 * @param dryBreakers token sequences that end a repetition, sorted by {@link #BY_LAST_TOKEN}
 */
public record RepetitionOptions(
    long noRepeatNgram,
    List<int[]> bannedSequences,
    double dryMultiplier,
    double dryBase,
    long dryAllowedLength,
    long dryRange,
    List<int[]> dryBreakers) {
  /** The options of samplers without any of these limits. */
  public static final RepetitionOptions NONE =
      new RepetitionOptions(0, List.of(), 0, 1.75, 2, Long.MAX_VALUE, List.of());

  /** The order of breakers, in which those that can end at a token are found by binary search. */
  public static final Comparator<int[]> BY_LAST_TOKEN =
      Comparator.<int[]>comparingInt(RepetitionOptions::last).thenComparingInt(each -> each.length);

  /** Whether any option depends on the text. */
  public boolean areUsed() {
    return noRepeatNgram != 0 || !bannedSequences.isEmpty() || dryMultiplier != 0;
  }

  /** Whether the text is searched for repetitions. */
  public boolean lookForRepetitions() {
    return noRepeatNgram != 0 || dryMultiplier != 0;
  }

  /**
   * Rejects these options in a call without a text.
   *
   * @throws OptionException for an option that would be ignored
   */
  public void requireUnused() {
    if (areUsed()) {
      throw new OptionException(
          message(
              "%1$s is set, and this call does not have the text; expected start(), whose cursor has it, or a sampler without %1$s",
              noRepeatNgram != 0
                  ? "noRepeatNgram"
                  : dryMultiplier != 0 ? "dryMultiplier" : "bannedSequences"));
    }
  }

  /** The largest class that a banned sequence ends with; -1 without sequences. */
  public int largestBanned() {
    return bannedSequences.stream().mapToInt(each -> each[each.length - 1]).max().orElse(-1);
  }

  private static int last(int[] sequence) {
    return sequence[sequence.length - 1];
  }

  /** Whether a token alone ends every repetition. */
  public boolean isBreaker(int token) {
    int i = firstBreaker(token);
    return i < dryBreakers.size()
        && dryBreakers.get(i).length == 1
        && dryBreakers.get(i)[0] == token;
  }

  /**
   * Whether a breaker ends directly before {@code end} in a text, and begins at {@code begin} or
   * later.
   */
  public boolean hasBreaker(int[] text, int begin, int end) {
    int token = text[end - 1];
    for (int i = firstBreaker(token); i < dryBreakers.size(); i++) {
      int[] breaker = dryBreakers.get(i);
      int from = end - breaker.length;
      if (last(breaker) != token || from < begin) {
        return false; // the next ones are longer, or have another last token
      }
      if (Arrays.equals(breaker, 0, breaker.length, text, from, end)) {
        return true;
      }
    }
    return false;
  }

  /** The index of the first breaker whose last token is not below {@code token}. */
  private int firstBreaker(int token) {
    int low = 0;
    int high = dryBreakers.size();
    while (low < high) {
      int middle = low + high >>> 1;
      if (last(dryBreakers.get(middle)) < token) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  public void describe(Described text) {
    text.option("noRepeatNgram", noRepeatNgram, NONE.noRepeatNgram)
        .option("bannedSequences", bannedSequences.size(), 0)
        .option("dryMultiplier", dryMultiplier, NONE.dryMultiplier)
        .option("dryBase", dryBase, NONE.dryBase)
        .option("dryAllowedLength", dryAllowedLength, NONE.dryAllowedLength)
        .option("dryRange", dryRange, NONE.dryRange)
        .option("dryBreakers", dryBreakers.size(), 0);
  }
}
