// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The result of one candidate.
 *
 * @param candidate its name
 * @param way the name of its way
 * @param error relative to double precision, see {@link Rows#error}
 * @param nanos per call, one number per round; empty if the error was too large
 */
record Result(String candidate, String way, double error, double[] nanos) {
  private static final String MARK = "result";

  /** The line of a candidate that passed. */
  static String timed(String candidate, String way, double error, List<Double> nanos) {
    String times = nanos.stream().map(String::valueOf).collect(Collectors.joining(","));
    return String.join("\t", MARK, candidate, way, Double.toString(error), times);
  }

  /** The line of a candidate that failed. */
  static String failed(String candidate, String way, double error) {
    return timed(candidate, way, error, List.of());
  }

  /** Parses a line; null if it is not a result. */
  static @Nullable Result of(String line) {
    String[] parts = line.split("\t", -1);
    if (!parts[0].equals(MARK) || parts.length != 5) {
      return null;
    }
    double[] nanos =
        parts[4].isEmpty()
            ? new double[0]
            : Arrays.stream(parts[4].split(",")).mapToDouble(Double::parseDouble).toArray();
    return new Result(parts[1], parts[2], Double.parseDouble(parts[3]), nanos);
  }

  /** Whether the results were correct. */
  boolean passed() {
    return nanos.length > 0;
  }

  /** The median of the rounds. */
  double median() {
    return median(nanos);
  }

  static double median(double[] numbers) {
    double[] sorted = numbers.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /** The fastest round. */
  double best() {
    return Arrays.stream(nanos).min().orElseThrow();
  }
}
