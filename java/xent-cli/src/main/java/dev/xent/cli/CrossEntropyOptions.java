// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
import dev.xent.Inputs;
import dev.xent.LogitLossBuilder;
import dev.xent.LossOutputs;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options, inputs and outputs of cross-entropy, in addition to those of its targets. */
final class CrossEntropyOptions {
  @Mixin private LogitOptions logits;
  @Mixin private SinkInput sink;

  @Option(
      names = "--z-loss",
      paramLabel = "Z",
      description = "Add Z * lse^2 to the loss of every row. Default: 0.")
  private @Nullable Double zLoss;

  @Option(
      names = "--probability-clamp",
      paramLabel = "D",
      description =
          "Clamp the probability of the target to [D, 1 - D] in losses, not in gradients."
              + " Default: none.")
  private @Nullable Double probabilityClamp;

  @Option(
      names = "--focal-gamma",
      paramLabel = "G",
      description =
          "Multiply losses by (1 - p)^G, p the probability of the label; labels only. Default: 0.")
  private @Nullable Double focalGamma;

  @Mixin private RowOutputs rowOutputs;

  /**
   * Rejects values out of range, and a clamp of the label's probability together with smoothing.
   */
  void require(double labelSmoothing) {
    logits.require();
    CrossEntropy.Builder builder = CrossEntropy.builder();
    Ranges.require("--z-loss", zLoss, builder::zLoss, "a finite number of at least 0");
    Ranges.require("--probability-clamp", probabilityClamp, builder::probabilityClamp);
    if (probabilityClamp != null && labelSmoothing != 0) {
      throw new CommandException(
          "--probability-clamp and --label-smoothing exclude each other; remove one of them");
    }
    Ranges.require("--focal-gamma", focalGamma, builder::focalGamma);
    if (focalGamma != null && focalGamma > 0) {
      requireAlone("--label-smoothing", labelSmoothing != 0);
      requireAlone("--z-loss", zLoss != null && zLoss != 0);
      requireAlone("--probability-clamp", probabilityClamp != null);
    }
    rowOutputs.require();
  }

  private static void requireAlone(String other, boolean given) {
    if (given) {
      throw new CommandException(
          "--focal-gamma and " + other + " exclude each other; remove one of them");
    }
  }

  /** The files of the inputs. */
  Stream<Path> files() {
    return sink.files();
  }

  /** Adds the contents of the files. */
  Inputs addTo(Inputs inputs, FileMemory memory) {
    return sink.addTo(inputs, memory);
  }

  /** Rejects options that do not apply to such targets. */
  void requireFor(TargetKind kind, Path file) {
    rowOutputs.requireFor(kind, file);
    if (focalGamma != null && focalGamma > 0 && kind != TargetKind.LABELS) {
      throw kind.refusal("--focal-gamma", file);
    }
  }

  /** Creates the files of the outputs and requests these. */
  void request(LossOutputs outputs, Outputs files, OutputType types, Loss loss) {
    rowOutputs.request(outputs, files, types, loss);
  }

  /** Sets the options in a builder. */
  void tell(LogitLossBuilder<?> builder) {
    logits.tell(builder);
    if (zLoss != null) {
      builder.zLoss(zLoss);
    }
    if (probabilityClamp != null) {
      builder.probabilityClamp(probabilityClamp);
    }
    if (focalGamma != null) {
      builder.focalGamma(focalGamma);
    }
  }
}
