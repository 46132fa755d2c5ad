// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_sampling;
import dev.xent.internal.load.Codes;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import dev.xent.options.Ties;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * How tokens are sampled; 0 means that an option is not used.
 *
 * @param rules the rules that decide which filters exist, and their order
 * @param ties how top-k handles equal logits; null: as the rules define
 * @param greedy whether the class of the largest logit is always chosen
 * @param minKeep the minimum number of classes that every filter keeps
 * @param topK the number of classes that top-k keeps
 * @param order the filters in their order; empty: the order of the rules
 * @param seed the seed of all random bits
 * @param stream the stream of the first row
 * @param draw the index of a token among those that are drawn from the same logits
 * @param numbers the other numbers, from {@link OptionRange#TOP_P} to {@link
 *     OptionRange#DYNATEMP_EXPONENT}
 */
public record SamplingOptions(
    SamplingRules rules,
    @Nullable Ties ties,
    boolean greedy,
    long minKeep,
    long topK,
    List<SamplingFilter> order,
    long seed,
    long stream,
    long draw,
    OptionNumbers numbers) {
  private static final long[] OFFSETS =
      OptionNumbers.offsets(
          xent_sampling.layout(), OptionRange.TOP_P, OptionRange.DYNATEMP_EXPONENT);

  private static final OptionRange[] PENALTIES = {
    OptionRange.REPETITION_PENALTY, OptionRange.FREQUENCY_PENALTY, OptionRange.PRESENCE_PENALTY
  };

  /**
   * Creates the options.
   *
   * @throws OptionException for a filter that is missing in the order, or is in it twice
   */
  public SamplingOptions {
    if (order.size() != order.stream().distinct().count()) {
      throw new OptionException("order", order.toString(), "each filter at most once");
    }
    if (topK != 0) {
      require(SamplingFilter.TOP_K, OptionRange.TOP_K, topK, rules, order);
    }
    require(SamplingFilter.TOP_P, OptionRange.TOP_P, numbers, rules, order);
    require(SamplingFilter.MIN_P, OptionRange.MIN_P, numbers, rules, order);
    require(SamplingFilter.TYPICAL_P, OptionRange.TYPICAL_P, numbers, rules, order);
    require(SamplingFilter.TOP_N_SIGMA, OptionRange.TOP_N_SIGMA, numbers, rules, order);
    require(SamplingFilter.XTC, OptionRange.XTC_PROBABILITY, numbers, rules, order);
  }

  private static void require(
      SamplingFilter filter,
      OptionRange range,
      OptionNumbers numbers,
      SamplingRules rules,
      List<SamplingFilter> order) {
    if (numbers.get(range) != 0) {
      require(filter, range, numbers.get(range), rules, order);
    }
  }

  private static void require(
      SamplingFilter filter,
      OptionRange range,
      Number value,
      SamplingRules rules,
      List<SamplingFilter> order) {
    if ((order.isEmpty() ? rules.filters() : order).contains(filter)) {
      return;
    }
    throw new OptionException(
        order.isEmpty()
            ? message(
                "%s is %s, and %s has no such filter: leave it out, or choose other rules",
                range.text, value, rules)
            : message(
                "%s is %s, order is %s; expected %s in the order too, or no %s",
                range.text, value, order, filter, range.text));
  }

  /** The same options with another stream. */
  public SamplingOptions withStream(long newStream) {
    return new SamplingOptions(
        rules, ties, greedy, minKeep, topK, order, seed, newStream, draw, numbers);
  }

  // ---- checks ----------------------------------------------------------------------------------

  // ---- the struct ------------------------------------------------------------------------------

  /** Writes the fields of an xent_sampling. */
  public void write(MemorySegment struct, long streamOfRow, long step) {
    xent_sampling.size(struct, xent_sampling.sizeof());
    xent_sampling.rules(struct, Codes.of(rules));
    xent_sampling.ties(struct, Codes.of(ties));
    xent_sampling.greedy(struct, greedy ? 1 : 0);
    xent_sampling.reserved(struct, 0);
    xent_sampling.min_keep(struct, minKeep);
    xent_sampling.top_k(struct, topK);
    xent_sampling.seed(struct, seed);
    xent_sampling.draw(struct, (int) draw);
    xent_sampling.order(struct, Codes.of(order));
    numbers.write(struct, OptionRange.TOP_P, OFFSETS);
    writeCounters(struct, streamOfRow, step);
  }

  /** Writes the fields that differ between rows and steps. */
  public static void writeCounters(MemorySegment struct, long streamOfRow, long step) {
    xent_sampling.stream(struct, streamOfRow);
    xent_sampling.step(struct, (int) step);
  }

  /**
   * Rejects penalties in a call that does not have the previous tokens.
   *
   * @throws OptionException for a penalty that would be ignored
   */
  public void requireNoPenalties() {
    for (OptionRange penalty : PENALTIES) {
      if (numbers.get(penalty) != 0) {
        throw new OptionException(
            message(
                "%s is %s, and this call has no earlier tokens; expected start(), or on(logits, tokens).inputs(...)",
                penalty.text, numbers.get(penalty)));
      }
    }
  }

  /** Whether logits are multiplied by a number. */
  public boolean isScaled() {
    double scale = numbers.get(OptionRange.SCALE);
    return scale != 0 && scale != 1;
  }

  /** Whether the previous tokens influence the result. */
  public boolean hasPenalties() {
    for (OptionRange penalty : PENALTIES) {
      if (numbers.get(penalty) != 0) {
        return true;
      }
    }
    return false;
  }

  /** A new number for a sampler without a seed or a text without a stream. */
  public static long random() {
    return new SplittableRandom().nextLong();
  }

  public void describe(Described text) {
    text.option("rules", rules, SamplingRules.XENT).option("ties", ties, null);
    numbers.describe(OptionRange.SCALE, text);
    text.option("temperature", greedy ? 0 : null, null);
    numbers.describe(OptionRange.SAMPLING_TEMPERATURE, text);
    numbers.describe(OptionRange.DYNATEMP_RANGE, OptionRange.DYNATEMP_EXPONENT, text);
    text.option("minKeep", minKeep, 0L).option("topK", topK, 0L);
    numbers.describe(OptionRange.TOP_P, OptionRange.XTC_THRESHOLD, text);
    text.option("order", order, List.of());
    numbers.describe(OptionRange.REPETITION_PENALTY, OptionRange.PRESENCE_PENALTY, text);
    text.option("seed", seed, greedy ? 0L : null)
        .option("stream", stream, 0L)
        .option("draw", draw, 0L);
  }
}
