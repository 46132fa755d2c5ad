// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Sampler;
import dev.xent.options.SamplingRules;
import dev.xent.options.Ties;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a token is chosen. */
final class SamplingChoices {
  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "Logits are divided by it; 0 takes the largest, whatever the filters. Default: 1.")
  private double temperature = 1;

  @Option(
      names = "--softcap",
      paramLabel = "C",
      description = "Logits become C * tanh(x / C), before everything else. Default: they stay.")
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
          "Keep the fewest of the largest classes that have the probability P together. Default: 1.")
  private double topP = 1;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description =
          "Keep classes with at least the share P of the largest probability. Default: 0.")
  private double minP;

  @Option(
      names = "--typical-p",
      paramLabel = "P",
      description =
          "Keep the classes whose information is nearest to the entropy, with the probability P."
              + " Default: 1.")
  private double typicalP = 1;

  @Option(
      names = "--min-keep",
      paramLabel = "N",
      description = "Every filter keeps at least N classes. Default: 1.")
  private long minKeep = 1;

  @Option(
      names = "--rules",
      paramLabel = "R",
      description =
          "Whose filters, in which order: xent, transformers, vllm, llama.cpp or"
              + " onnxruntime-genai. Default: xent.")
  private SamplingRules rules = SamplingRules.XENT;

  @Option(
      names = "--ties",
      paramLabel = "T",
      description =
          "Of classes that equal the K-th, --top-k keeps the first ones or all. Default: all for"
              + " transformers and vllm, else first.")
  private @Nullable Ties ties;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "R",
      description =
          "Divides logits above 0 of the tokens before, and multiplies others. Default: 1.")
  private double repetitionPenalty = 1;

  @Option(
      names = "--frequency-penalty",
      paramLabel = "F",
      description = "Subtracted as often as a class is among the output tokens. Default: 0.")
  private double frequencyPenalty;

  @Option(
      names = "--presence-penalty",
      paramLabel = "P",
      description = "Subtracted once where a class is among the output tokens. Default: 0.")
  private double presencePenalty;

  @Option(
      names = "--draw",
      paramLabel = "J",
      description = "Which one of several tokens of the same logits. Default: 0.")
  private long draw;

  /** Refuses values that cannot be; what is left a builder refuses. */
  void require() {
    Ranges.factorOr0("--temperature", temperature);
    Ranges.factor("--softcap", softcap);
    Ranges.above0To1("--top-p", topP);
    Ranges.from0To1("--min-p", minP);
    Ranges.above0To1("--typical-p", typicalP);
    Ranges.asFloat("--repetition-penalty", repetitionPenalty);
    Ranges.asFloat("--frequency-penalty", frequencyPenalty);
    Ranges.asFloat("--presence-penalty", presencePenalty);
    Ranges.counter("--draw", draw);
  }

  Sampler.Builder builder() {
    Sampler.Builder builder =
        Sampler.builder()
            .temperature(temperature)
            .topK(topK)
            .topP(topP)
            .minP(minP)
            .typicalP(typicalP)
            .minKeep(minKeep)
            .rules(rules)
            .repetitionPenalty(repetitionPenalty)
            .frequencyPenalty(frequencyPenalty)
            .presencePenalty(presencePenalty)
            .draw(draw);
    if (ties != null) {
      builder.ties(ties);
    }
    return softcap == null ? builder : builder.softcap(softcap);
  }
}
