// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LogitLossBuilder;
import dev.xent.LossOutputs;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options, inputs and outputs of cross-entropy, in addition to those of its targets. */
final class CrossEntropyOptions {
  private static final String TOP_COUNT = "--top-k";

  @Mixin private LogitChoices logits;
  @Mixin private InputOptions.Sink sink;

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

  @Option(
      names = "--lse",
      order = HelpOrder.FILES,
      paramLabel = "S.npy",
      description = "Write the log-sum-exp of every row; NaN for ignored rows.")
  private @Nullable Path logSumExp;

  @Option(
      names = "--argmax",
      order = HelpOrder.FILES,
      paramLabel = "A.npy",
      description = "Write the class of the largest logit, as i64; -1 in rows without one.")
  private @Nullable Path argmax;

  @Option(
      names = "--rank",
      order = HelpOrder.FILES,
      paramLabel = "R.npy",
      description = "Write the rank of the label, as i64; 0 is the largest logit.")
  private @Nullable Path ranks;

  @Option(
      names = "--log-probability",
      order = HelpOrder.FILES,
      paramLabel = "LP.npy",
      description = "Write the log-probability of every label.")
  private @Nullable Path logProbabilities;

  @Option(
      names = "--entropy",
      order = HelpOrder.FILES,
      paramLabel = "E.npy",
      description = "Write the entropy of every row, -sum p log p.")
  private @Nullable Path entropies;

  @Option(
      names = TOP_COUNT,
      order = HelpOrder.FILES,
      paramLabel = "K",
      description = "Number of top classes in the next two files.")
  private @Nullable Long topCount;

  @Mixin private TopOutputs top;

  /**
   * Rejects values out of range, and a clamp of the label's probability together with smoothing.
   */
  void require(double labelSmoothing) {
    tell(CrossEntropy.builder());
    if (probabilityClamp != null && labelSmoothing != 0) {
      throw new CommandException(
          "--probability-clamp and --label-smoothing exclude each other; remove one of them");
    }
    if (focalGamma != null && focalGamma > 0) {
      requireAlone("--label-smoothing", labelSmoothing != 0);
      requireAlone("--z-loss", zLoss != null && zLoss != 0);
      requireAlone("--probability-clamp", probabilityClamp != null);
    }
    top.require(TOP_COUNT, topCount);
  }

  private static void requireAlone(String other, boolean given) {
    if (given) {
      throw new CommandException(
          "--focal-gamma and " + other + " exclude each other; remove one of them");
    }
  }

  /** Adds the contents of the files. */
  Inputs addTo(Inputs inputs, CommandFiles files) {
    return sink.addTo(inputs, files);
  }

  /** Rejects options that do not apply to such targets. */
  void requireFor(TargetKind kind, Path file) {
    if (kind != TargetKind.LABELS && (ranks != null || logProbabilities != null)) {
      throw kind.refusal(ranks != null ? "--rank" : "--log-probability", file);
    }
    if (focalGamma != null && focalGamma > 0 && kind != TargetKind.LABELS) {
      throw kind.refusal("--focal-gamma", file);
    }
  }

  /** Creates the files and requests their outputs. */
  void request(LossOutputs outputs, CommandFiles files, OutputType type, Loss loss) {
    Rows rows = loss.rows();
    DType number = type.perRow(loss.input());
    outputs.logSumExp(files.create(logSumExp, number, rows.shape()));
    outputs.argmax(files.create(argmax, DType.I64, rows.shape()));
    outputs.ranks(files.create(ranks, DType.I64, rows.shape()));
    outputs.logProbabilities(files.create(logProbabilities, number, rows.shape()));
    outputs.entropies(files.create(entropies, number, rows.shape()));
    if (topCount != null) {
      long[] shape = TopOutputs.shape(TOP_COUNT, topCount, rows);
      outputs.topClasses(top.classes(files, shape));
      outputs.topLogProbabilities(top.logProbabilities(files, number, shape));
    }
  }

  /** Sets the options in a builder. */
  void tell(LogitLossBuilder<?> builder) {
    logits.tell(builder);
    Ranges.set("--z-loss", zLoss, builder::zLoss);
    Ranges.set("--probability-clamp", probabilityClamp, builder::probabilityClamp);
    Ranges.set("--focal-gamma", focalGamma, builder::focalGamma);
  }
}
