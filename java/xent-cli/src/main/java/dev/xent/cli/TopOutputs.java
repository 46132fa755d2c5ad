// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How many of the largest classes of a row go to files, by an option of either name. */
final class TopCount {
  private TopCount() {}

  /** Refuses a number of classes without a file, and a file without a number. */
  static void require(
      String option,
      @Nullable Long count,
      @Nullable Path classes,
      @Nullable Path logProbabilities) {
    boolean wanted = classes != null || logProbabilities != null;
    if (wanted && count == null) {
      throw new CommandException(
          String.format(
              Locale.ROOT,
              "%s needs to know how many classes; add %s K",
              classes != null ? "--top-classes" : "--top-log-probabilities",
              option));
    }
    if (!wanted && count != null) {
      throw new CommandException(
          String.format(
              Locale.ROOT,
              "%s %d has no file to write to; add --top-classes C.npy or --top-log-probabilities V.npy",
              option,
              count));
    }
  }

  /** The shape of such a file; refuses more classes than there are. */
  static long[] shape(String option, long count, Rows rows) {
    if (count < 1 || count > rows.mostClasses()) {
      throw new CommandException(
          String.format(
              Locale.ROOT,
              "%s %d is out of range; give 1 to %d, which is all classes",
              option,
              count,
              rows.mostClasses()));
    }
    return rows.entries(count);
  }
}
