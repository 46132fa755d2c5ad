// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.DType;
import dev.xent.LossOutputs;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The outputs of cross-entropy per row in addition to losses and gradient, from the same read. */
final class RowOutputs {
  private static final String TOP_COUNT = "--top-k";

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

  /** Rejects a number of classes without a file, and a file without a number. */
  void require() {
    top.require(TOP_COUNT, topCount);
  }

  /** Rejects outputs that require labels. */
  void requireFor(TargetKind kind, Path file) {
    if (kind != TargetKind.LABELS && (ranks != null || logProbabilities != null)) {
      throw kind.refusal(ranks != null ? "--rank" : "--log-probability", file);
    }
  }

  /** Creates the files and requests their outputs. */
  void request(LossOutputs outputs, Outputs files, OutputType type, Loss loss) {
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
}
