// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.DType;
import dev.xent.SamplerOutputs;
import dev.xent.Tensor;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The outputs of sampling per row, in addition to its token. */
final class SampleOutputs {
  private static final String TOP_COUNT = "--top-count";

  @Option(
      names = "--log-probabilities",
      order = HelpOrder.FILES,
      paramLabel = "L.npy",
      description = "Write the log-probability of every token among all classes.")
  private @Nullable Path logProbabilities;

  @Option(
      names = "--processed-log-probabilities",
      order = HelpOrder.FILES,
      paramLabel = "L.npy",
      description = "Write the log-probability after the filters.")
  private @Nullable Path processedLogProbabilities;

  @Option(
      names = "--kept",
      order = HelpOrder.FILES,
      paramLabel = "N.npy",
      description = "Write the number of classes that the filters kept, as i64.")
  private @Nullable Path kept;

  @Option(
      names = "--kept-mask",
      order = HelpOrder.FILES,
      paramLabel = "M.npy",
      description = "Write 1 for each class that the filters kept, else 0, as u8.")
  private @Nullable Path keptMask;

  @Option(
      names = "--ranks",
      order = HelpOrder.FILES,
      paramLabel = "R.npy",
      description = "Write the rank of the token, as i64; 0 is the most likely.")
  private @Nullable Path ranks;

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

  /** Rejects a number of classes without a file, and a file without a number. */
  void require() {
    top.require(TOP_COUNT, topCount);
  }

  /** Creates the files and requests their outputs. */
  SamplerOutputs request(CommandFiles files, OutputType type, Rows rows) {
    Tensor x = rows.input();
    DType number = type.perRow(x);
    long[] shape = rows.shape();
    SamplerOutputs outputs =
        SamplerOutputs.create()
            .logProbabilities(files.create(logProbabilities, number, shape))
            .processedLogProbabilities(files.create(processedLogProbabilities, number, shape))
            .kept(files.create(kept, DType.I64, shape))
            .keptMask(files.create(keptMask, DType.U8, x.shape()))
            .ranks(files.create(ranks, DType.I64, shape))
            .entropies(files.create(entropies, number, shape));
    if (topCount != null) {
      long[] entries = TopOutputs.shape(TOP_COUNT, topCount, rows);
      outputs
          .topClasses(top.classes(files, entries))
          .topLogProbabilities(top.logProbabilities(files, number, entries));
    }
    return outputs;
  }
}
