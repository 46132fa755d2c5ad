// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Sampler;
import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import dev.xent.options.Ties;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that choose a token. */
final class SamplingChoices {
  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "Divide logits by T; 0 takes the largest logit and skips the filters. Default: 1.")
  private double temperature = 1;

  @Option(
      names = "--dynatemp-range",
      paramLabel = "R",
      description =
          "Let the entropy set the temperature: from T - R, at least 0, to T + R. Default: 0.")
  private double dynatempRange;

  @Option(
      names = "--dynatemp-exponent",
      paramLabel = "Q",
      description = "Exponent of the entropy in --dynatemp-range. Default: 1.")
  private double dynatempExponent = 1;

  @Option(
      names = "--scale",
      paramLabel = "S",
      description = "Multiply logits by S first. Default: 1.")
  private double scale = 1;

  @Option(
      names = "--softcap",
      paramLabel = "C",
      description = "Replace logits by C * tanh(x / C) after --scale. Default: none.")
  private @Nullable Double softcap;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Keep the K largest classes; 0 keeps all. Default: all.")
  private long topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description =
          "Keep the smallest set of most likely classes with total probability P. Default: 1.")
  private double topP = 1;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description = "Keep classes with at least P times the largest probability. Default: 0.")
  private double minP;

  @Option(
      names = "--typical-p",
      paramLabel = "P",
      description =
          "Keep the classes whose information is nearest to the entropy, with the probability P."
              + " Default: 1.")
  private double typicalP = 1;

  @Option(
      names = "--top-n-sigma",
      paramLabel = "N",
      description =
          "Keep classes at most N standard deviations below the largest logit. Default: 0, all.")
  private double topNSigma;

  @Option(
      names = "--xtc-probability",
      paramLabel = "P",
      description =
          "With this chance remove all classes above the least likely one that has at least"
              + " --xtc-threshold. Default: 0.")
  private double xtcProbability;

  @Option(
      names = "--xtc-threshold",
      paramLabel = "T",
      description = "Probability of the classes that --xtc-probability removes. Default: 0.1.")
  private double xtcThreshold = 0.1;

  @Option(
      names = "--order",
      paramLabel = "F",
      split = ",",
      description =
          "Filters in this order, such as top-k,top-p,temperature,min-p. Default: that of --rules.")
  private List<SamplingFilter> order = List.of();

  @Option(
      names = "--min-keep",
      paramLabel = "N",
      description = "Every filter keeps at least N classes. Default: 1.")
  private long minKeep = 1;

  @Option(
      names = "--rules",
      paramLabel = "R",
      description =
          "Filters and their order as in xent, transformers, vllm, llama.cpp or"
              + " onnxruntime-genai. Default: xent.")
  private SamplingRules rules = SamplingRules.XENT;

  @Option(
      names = "--ties",
      paramLabel = "T",
      description =
          "If several classes tie for the K-th place, --top-k keeps first or all. Default: all for"
              + " transformers and vllm, else first.")
  private @Nullable Ties ties;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "R",
      description =
          "Divide positive logits of earlier tokens by it, multiply negative ones. Default: 1.")
  private double repetitionPenalty = 1;

  @Option(
      names = "--frequency-penalty",
      paramLabel = "F",
      description = "Subtract it once for each time a class is in the output tokens. Default: 0.")
  private double frequencyPenalty;

  @Option(
      names = "--presence-penalty",
      paramLabel = "P",
      description = "Subtract it from classes that are in the output tokens. Default: 0.")
  private double presencePenalty;

  @Option(
      names = "--draw",
      paramLabel = "J",
      description = "Number of the token, if several are drawn from the same logits. Default: 0.")
  private long draw;

  /** Rejects invalid values, except those that a builder rejects. */
  void require() {
    ranges(Sampler.builder());
    Ranges.asFloat("--repetition-penalty", repetitionPenalty);
    Ranges.asFloat("--frequency-penalty", frequencyPenalty);
    Ranges.asFloat("--presence-penalty", presencePenalty);
    Ranges.counter("--draw", draw);
  }

  /** Sets the numbers whose errors are those of a range. */
  private Sampler.Builder ranges(Sampler.Builder builder) {
    String temperatures = "0 for the largest logit, or a number from 2^-32 to 2^32";
    Ranges.set("--temperature", temperature, builder::temperature, temperatures);
    Ranges.set("--dynatemp-range", dynatempRange, builder::dynatempRange);
    Ranges.set("--dynatemp-exponent", dynatempExponent, builder::dynatempExponent);
    Ranges.set("--scale", scale, builder::scale);
    Ranges.set("--softcap", softcap, builder::softcap);
    Ranges.set("--top-p", topP, builder::topP);
    Ranges.set("--min-p", minP, builder::minP);
    Ranges.set("--typical-p", typicalP, builder::typicalP);
    Ranges.set("--top-n-sigma", topNSigma, builder::topNSigma);
    Ranges.set("--xtc-probability", xtcProbability, builder::xtcProbability);
    Ranges.set("--xtc-threshold", xtcThreshold, builder::xtcThreshold);
    return builder;
  }

  Sampler.Builder builder() {
    Sampler.Builder builder =
        ranges(Sampler.builder())
            .topK(topK)
            .order(order.toArray(SamplingFilter[]::new))
            .minKeep(minKeep)
            .rules(rules)
            .repetitionPenalty(repetitionPenalty)
            .frequencyPenalty(frequencyPenalty)
            .presencePenalty(presencePenalty)
            .draw(draw);
    return ties == null ? builder : builder.ties(ties);
  }
}
