// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What cross-entropy has beside the options of its logits and targets. */
final class CrossEntropyOptions {
  @Option(
      names = "--rules",
      paramLabel = "SYSTEM",
      description =
          "Begin with the rules of pytorch (labels of -100 are ignored) or onnx (the class axis is"
              + " 1); options change them.")
  private Rules rules = Rules.XENT;

  @Option(
      names = "--z-loss",
      paramLabel = "Z",
      description = "Add Z * lse^2 to the loss of every row. Default: 0.")
  private @Nullable Double zLoss;

  @Option(
      names = "--probability-clamp",
      paramLabel = "D",
      description =
          "The probability of a target counts as one from D to 1 - D in losses, not in gradients."
              + " Default: as it is.")
  private @Nullable Double probabilityClamp;

  Rules rules() {
    return rules;
  }

  /** Refuses values out of range, and a clamp of one probability that smoothing makes many. */
  void require(double labelSmoothing) {
    Ranges.atLeast0("--z-loss", zLoss);
    Ranges.above0To05("--probability-clamp", probabilityClamp);
    if (probabilityClamp != null && labelSmoothing != 0) {
      throw new CommandException(
          "--probability-clamp and --label-smoothing do not go together; give one of them");
    }
  }

  /** A builder with what the command line says. */
  CrossEntropy.Builder applyTo(CrossEntropy.Builder builder) {
    if (zLoss != null) {
      builder.zLoss(zLoss);
    }
    if (probabilityClamp != null) {
      builder.probabilityClamp(probabilityClamp);
    }
    return builder;
  }
}
