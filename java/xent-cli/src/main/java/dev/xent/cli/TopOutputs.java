// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The largest classes of each row; an option of one of two names sets their number. */
final class TopOutputs {
  @Option(
      names = "--top-classes",
      order = HelpOrder.FILES,
      paramLabel = "C.npy",
      description = "Write the K classes with the largest logits, in descending order, as i64.")
  private @Nullable Path classes;

  @Option(
      names = "--top-log-probabilities",
      order = HelpOrder.FILES,
      paramLabel = "V.npy",
      description = "Write their log-probabilities.")
  private @Nullable Path logProbabilities;

  /** Rejects a number of classes without a file, and a file without a number. */
  void require(String option, @Nullable Long count) {
    boolean wanted = classes != null || logProbabilities != null;
    if (wanted && count == null) {
      throw new CommandException(
          message(
              "%s requires a number of classes; add %s K",
              classes != null ? "--top-classes" : "--top-log-probabilities", option));
    }
    if (!wanted && count != null) {
      throw new CommandException(
          message(
              "%s %d requires an output file; add --top-classes C.npy or --top-log-probabilities V.npy",
              option, count));
    }
  }

  @Nullable Tensor classes(CommandFiles files, long[] shape) {
    return files.create(classes, DType.I64, shape);
  }

  @Nullable Tensor logProbabilities(CommandFiles files, DType type, long[] shape) {
    return files.create(logProbabilities, type, shape);
  }

  /** The shape of such a file; rejects a number larger than the number of classes. */
  static long[] shape(String option, long count, Rows rows) {
    if (count < 1 || count > rows.mostClasses()) {
      throw new CommandException(
          message(
              "%s is %d; expected a number from 1 to %d, the number of classes",
              option, count, rows.mostClasses()));
    }
    return rows.entries(count);
  }
}
