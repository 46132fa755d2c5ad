// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.arrays.Described;
import java.util.Arrays;
import java.util.List;

/**
 * What keeps a text from repeating itself: options that ask for the tokens before in their order,
 * which a cursor has.
 *
 * @param noRepeatNgram the n of n-grams that a text has once; 0: any
 * @param bannedSequences tokens that do not follow each other, none of them empty
 * @param dryMultiplier the penalty of the shortest repetition that has one; 0: there is none
 * @param dryBase what the penalty is multiplied by for each further token
 * @param dryAllowedLength the shortest repetition that has a penalty
 * @param dryRange how many of the last tokens are looked at
 * @param dryBreakers tokens that no repetition goes across, in rising order
 */
public record RepetitionOptions(
    long noRepeatNgram,
    List<int[]> bannedSequences,
    double dryMultiplier,
    double dryBase,
    long dryAllowedLength,
    long dryRange,
    int[] dryBreakers) {
  /** Of samplers that have none of them. */
  public static final RepetitionOptions NONE =
      new RepetitionOptions(0, List.of(), 0, 1.75, 2, Long.MAX_VALUE, new int[0]);

  /** Whether the text has an influence. */
  public boolean areUsed() {
    return noRepeatNgram != 0 || !bannedSequences.isEmpty() || dryMultiplier != 0;
  }

  /** Whether repetitions are looked for. */
  public boolean lookForRepetitions() {
    return noRepeatNgram != 0 || dryMultiplier != 0;
  }

  /**
   * Refuses them in a call without a text.
   *
   * @throws OptionException for one that would be ignored
   */
  public void requireUnused() {
    if (areUsed()) {
      throw new OptionException(
          message(
              "%s is set, and this call does not have the text; expected start(), whose cursor has it, or a bias",
              noRepeatNgram != 0
                  ? "noRepeatNgram"
                  : dryMultiplier != 0 ? "dryMultiplier" : "bannedSequences"));
    }
  }

  /** The largest class that a sequence ends with; -1: there is no sequence. */
  public int largestBanned() {
    return bannedSequences.stream().mapToInt(each -> each[each.length - 1]).max().orElse(-1);
  }

  /** Whether no repetition goes across a token. */
  public boolean isBreaker(int token) {
    return dryBreakers.length > 0 && Arrays.binarySearch(dryBreakers, token) >= 0;
  }

  /** Says what is not as by default. */
  public void describe(Described text) {
    text.option("noRepeatNgram", noRepeatNgram, NONE.noRepeatNgram)
        .option("bannedSequences", bannedSequences.size(), 0)
        .option("dryMultiplier", dryMultiplier, NONE.dryMultiplier)
        .option("dryBase", dryBase, NONE.dryBase)
        .option("dryAllowedLength", dryAllowedLength, NONE.dryAllowedLength)
        .option("dryRange", dryRange, NONE.dryRange)
        .option("dryBreakers", dryBreakers.length, 0);
  }
}
