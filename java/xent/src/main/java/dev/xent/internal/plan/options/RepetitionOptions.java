// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.arrays.Described;
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
 * @param dryBreakers token sequences that end a repetition; each is non-empty
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

  /** Whether any option depends on the text. */
  public boolean areUsed() {
    return noRepeatNgram != 0 || !bannedSequences.isEmpty() || dryMultiplier != 0;
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
