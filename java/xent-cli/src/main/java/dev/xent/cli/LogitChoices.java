// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.LogitOptions;
import dev.xent.Softmax;
import dev.xent.options.FullyMasked;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that change logits before the computation. */
final class LogitChoices {
  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Divide logits by T, after the softcap. Default: 1.")
  private double temperature = 1;

  @Option(
      names = "--softcap",
      paramLabel = "C",
      description = "Replace logits by C * tanh(x / C). Default: none.")
  private @Nullable Double softcap;

  @Option(
      names = "--fully-masked",
      paramLabel = "P",
      description =
          "Result of a row that is all -inf or masked: nan or zero. Default: nan. A zero row"
              + " has probabilities, loss and gradient 0, and log-probabilities -inf.")
  private FullyMasked fullyMasked = FullyMasked.NAN;

  /** Rejects values that are out of range for every type. */
  void require() {
    tell(Softmax.builder());
  }

  /** Sets the options in a builder. */
  void tell(LogitOptions<?> builder) {
    builder.fullyMasked(fullyMasked);
    Ranges.set("--temperature", temperature, builder::temperature);
    Ranges.set("--softcap", softcap, builder::softcap);
  }
}
