// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.options.SamplingFilter.MIN_P;
import static dev.xent.options.SamplingFilter.TOP_K;
import static dev.xent.options.SamplingFilter.TOP_N_SIGMA;
import static dev.xent.options.SamplingFilter.TOP_P;
import static dev.xent.options.SamplingFilter.TYPICAL_P;
import static dev.xent.options.SamplingFilter.XTC;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_sampling;
import dev.xent.internal.kernels.Records;
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
 * @param temperature the divisor of the logits
 * @param minKeep the minimum number of classes that every filter keeps
 * @param topK the number of classes that top-k keeps
 * @param topP the probability mass that top-p keeps
 * @param minP the minimum probability of min-p, relative to the largest probability
 * @param typicalP the probability mass that typical-p keeps
 * @param repetitionPenalty the penalty of classes among the previous tokens
 * @param frequencyPenalty the penalty of classes among the output tokens, per occurrence
 * @param presencePenalty the penalty of classes among the output tokens, once
 * @param seed the seed of all random bits
 * @param stream the stream of the first row
 * @param draw the index of a token among those that are drawn from the same logits
 * @param topNSigma the distance of a class from the largest logit, at most, in standard deviations
 * @param xtcProbability the probability that XTC applies
 * @param xtcThreshold the minimum probability of the classes that XTC considers
 * @param order the filters in their order; empty: the order of the rules
 * @param scale the factor of the logits
 * @param dynatempRange the distance of the temperature from its middle, at most
 * @param dynatempExponent the exponent of the entropy that sets the temperature
 */
public record SamplingOptions(
    SamplingRules rules,
    @Nullable Ties ties,
    boolean greedy,
    double temperature,
    long minKeep,
    long topK,
    double topP,
    double minP,
    double typicalP,
    double repetitionPenalty,
    double frequencyPenalty,
    double presencePenalty,
    long seed,
    long stream,
    long draw,
    double topNSigma,
    double xtcProbability,
    double xtcThreshold,
    List<SamplingFilter> order,
    double scale,
    double dynatempRange,
    double dynatempExponent) {
  /**
   * Creates the options.
   *
   * @throws OptionException for a filter that is missing in the order, or is in it twice
   */
  public SamplingOptions {
    if (order.size() != order.stream().distinct().count()) {
      throw new OptionException("order is " + order + "; expected each filter at most once");
    }
    require(topK, TOP_K, "topK", rules, order);
    require(topP, TOP_P, "topP", rules, order);
    require(minP, MIN_P, "minP", rules, order);
    require(typicalP, TYPICAL_P, "typicalP", rules, order);
    require(topNSigma, TOP_N_SIGMA, "topNSigma", rules, order);
    require(xtcProbability, XTC, "xtcProbability", rules, order);
  }

  private static void require(
      Number value,
      SamplingFilter filter,
      String name,
      SamplingRules rules,
      List<SamplingFilter> order) {
    if (value.doubleValue() == 0 || (order.isEmpty() ? rules.filters() : order).contains(filter)) {
      return;
    }
    throw new OptionException(
        order.isEmpty()
            ? message(
                "%s is %s, and %s has no such filter: leave it out, or choose other rules",
                name, value, rules)
            : message(
                "%s is %s, order is %s; expected %s in the order too, or no %s",
                name, value, order, filter, name));
  }

  // ---- checks ----------------------------------------------------------------------------------

  /**
   * Rejects options that need whole rows.
   *
   * @throws OptionException for filters that cannot be computed from a list of a few classes
   */
  public void requireForShard() {
    if (greedy) {
      return;
    }
    requireForShard("minKeep", minKeep);
    requireForShard("topK", topK);
    boolean byRules = rules == SamplingRules.TRANSFORMERS || rules == SamplingRules.VLLM;
    boolean all = ties == null ? byRules : ties == Ties.ALL;
    requireNone("topNSigma", topNSigma != 0, topNSigma);
    requireNone("xtcProbability", xtcProbability != 0, xtcProbability);
    requireNone("dynatempRange", dynatempRange != 0, dynatempRange);
    requireNone("order", !order.isEmpty(), order);
    if (typicalP != 0 && (topK == 0 || all)) {
      throw new OptionException(
          message(
              "typicalP is %s, on a shard; expected topK with ties FIRST too, or sample from whole rows",
              typicalP));
    }
  }

  private static void requireForShard(String name, long value) {
    if (value > Records.SAMPLE_LISTED) {
      throw new OptionException(
          message(
              "%s is %d, on a shard; expected %d or less, or sample from whole rows",
              name, value, Records.SAMPLE_LISTED));
    }
  }

  private static void requireNone(String name, boolean isSet, Object value) {
    if (isSet) {
      throw new OptionException(
          message("%s is %s, on a shard; expected none, or sample from whole rows", name, value));
    }
  }

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
    xent_sampling.top_p(struct, topP);
    xent_sampling.min_p(struct, minP);
    xent_sampling.typical_p(struct, typicalP);
    xent_sampling.temperature(struct, temperature);
    xent_sampling.repetition_penalty(struct, repetitionPenalty);
    xent_sampling.frequency_penalty(struct, frequencyPenalty);
    xent_sampling.presence_penalty(struct, presencePenalty);
    xent_sampling.seed(struct, seed);
    xent_sampling.draw(struct, (int) draw);
    xent_sampling.top_n_sigma(struct, topNSigma);
    xent_sampling.xtc_probability(struct, xtcProbability);
    xent_sampling.xtc_threshold(struct, xtcThreshold);
    xent_sampling.order(struct, Codes.of(order));
    xent_sampling.scale(struct, scale);
    xent_sampling.dynatemp_range(struct, dynatempRange);
    xent_sampling.dynatemp_exponent(struct, dynatempExponent);
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
    requireNoPenalty("repetitionPenalty", repetitionPenalty);
    requireNoPenalty("frequencyPenalty", frequencyPenalty);
    requireNoPenalty("presencePenalty", presencePenalty);
  }

  /** Whether the previous tokens influence the result. */
  public boolean hasPenalties() {
    return repetitionPenalty != 0 || frequencyPenalty != 0 || presencePenalty != 0;
  }

  private static void requireNoPenalty(String name, double value) {
    if (value != 0) {
      throw new OptionException(
          name
              + " is "
              + value
              + ", and this call has no earlier tokens; expected"
              + " start(), or on(logits, tokens).inputs(...)");
    }
  }

  /**
   * The seed of a sampler without a seed option: 0 if no random bits are used, otherwise a new
   * random seed.
   */
  public static long defaultSeed(boolean greedy) {
    return greedy ? 0 : new SplittableRandom().nextLong();
  }

  /** Adds the values that are not the defaults. */
  public void describe(Described text) {
    text.option("rules", rules, SamplingRules.XENT)
        .option("ties", ties, null)
        .option("scale", scale, 0.0)
        .option("temperature", greedy ? (Object) 0 : (Object) temperature, 0.0)
        .option("dynatempRange", dynatempRange, 0.0)
        .option("dynatempExponent", dynatempExponent, 0.0)
        .option("minKeep", minKeep, 0L)
        .option("topK", topK, 0L)
        .option("topP", topP, 0.0)
        .option("minP", minP, 0.0)
        .option("typicalP", typicalP, 0.0)
        .option("topNSigma", topNSigma, 0.0)
        .option("xtcProbability", xtcProbability, 0.0)
        .option("xtcThreshold", xtcThreshold, 0.0)
        .option("order", order, List.of())
        .option("repetitionPenalty", repetitionPenalty, 0.0)
        .option("frequencyPenalty", frequencyPenalty, 0.0)
        .option("presencePenalty", presencePenalty, 0.0)
        .option("seed", seed, greedy ? 0L : null)
        .option("stream", stream, 0L)
        .option("draw", draw, 0L);
  }
}
