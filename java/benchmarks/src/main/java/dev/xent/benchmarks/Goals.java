// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * The goals for the speed of Xent relative to other candidates: goals.txt.
 *
 * @param all the goals
 */
record Goals(List<Goal> all) {
  /** The default candidate of a comparison: the fastest peer. */
  static final String BEST = "best";

  private static final String ANY_SHAPE = "*";

  /**
   * One goal.
   *
   * @param candidate with the goal: xent, or another form of it
   * @param operation by name
   * @param shape by name, or * for all
   * @param against a candidate, or {@link #BEST}
   * @param factor the least ratio of the speeds; memcpy and read count per byte
   */
  record Goal(String candidate, String operation, String shape, String against, double factor) {
    private static Goal of(String line) {
      String[] words = line.split("\\s+");
      return new Goal(words[0], words[1], words[2], words[3], Double.parseDouble(words[4]));
    }

    /** The measured ratio, if both were timed. */
    OptionalDouble reached(Row row, List<String> peers) {
      OptionalDouble own = row.perElement(candidate);
      OptionalDouble other =
          against.equals(BEST) ? row.fastest(peers) : Bounds.perElement(row, against);
      return own.isPresent() && other.isPresent()
          ? OptionalDouble.of(other.getAsDouble() / own.getAsDouble())
          : OptionalDouble.empty();
    }
  }

  /** Reads the file. */
  static Goals read() throws IOException {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(Goals.class.getResourceAsStream("goals.txt"), "goals.txt"),
                StandardCharsets.UTF_8))) {
      return new Goals(
          lines.lines().filter(l -> !l.isBlank() && !l.startsWith("#")).map(Goal::of).toList());
    }
  }

  /** The goals of one row. */
  List<Goal> of(Row row) {
    return all.stream()
        .filter(
            goal ->
                goal.operation.equals(row.what().operation().toString())
                    && (goal.shape.equals(ANY_SHAPE)
                        || goal.shape.equals(row.what().shape().toString())))
        .toList();
  }
}
