// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Sampler;
import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import dev.xent.options.Ties;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that choose a token, in addition to its numbers. */
final class SamplingChoices {
  @Option(
      names = "--order",
      paramLabel = "F",
      split = ",",
      description =
          "Filters in this order, such as top-k,top-p,temperature,min-p. Default: that of --rules.")
  private List<SamplingFilter> order = List.of();

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
      names = "--draw",
      paramLabel = "J",
      description = "Number of the token, if several are drawn from the same logits. Default: 0.")
  private long draw;

  Sampler.Builder applyTo(Sampler.Builder builder) {
    builder.order(order.toArray(SamplingFilter[]::new)).rules(rules).draw(draw);
    return ties == null ? builder : builder.ties(ties);
  }
}
