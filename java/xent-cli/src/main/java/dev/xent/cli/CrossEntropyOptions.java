// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

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
  private static final String TOP_COUNT = "--top-count";

  @Mixin private FullyMaskedRows fullyMasked;
  @Mixin private InputOptions.Sink sink;

  @Option(
      names = "--log-sum-exp",
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
      names = "--ranks",
      order = HelpOrder.FILES,
      paramLabel = "R.npy",
      description = "Write the rank of the label, as i64; 0 is the largest logit.")
  private @Nullable Path ranks;

  @Option(
      names = "--log-probabilities",
      order = HelpOrder.FILES,
      paramLabel = "LP.npy",
      description = "Write the log-probability of every label.")
  private @Nullable Path logProbabilities;

  @Option(
      names = "--entropies",
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

  /** Rejects a number of top classes without a file, and a file without a number. */
  void require() {
    top.require(TOP_COUNT, topCount);
  }

  /** Adds the contents of the files. */
  Inputs addTo(Inputs inputs, CommandFiles files) {
    return sink.addTo(inputs, files);
  }

  /** Rejects options that do not apply to such targets. */
  void requireFor(TargetKind kind, InputFile file) {
    if (kind != TargetKind.LABELS && (ranks != null || logProbabilities != null)) {
      throw kind.refusal(ranks != null ? "--ranks" : "--log-probabilities", file);
    }
  }

  /** Creates the files and requests their outputs. */
  void request(LossOutputs outputs, CommandFiles files, OutputType type, LossInputs loss) {
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

  /** Sets the option of rows without a class in a builder. */
  void applyTo(LogitLossBuilder<?> builder) {
    builder.fullyMasked(fullyMasked.result());
  }
}
