// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.List;
import java.util.OptionalDouble;

/**
 * The results of one case.
 *
 * @param what the operation and shape
 * @param results of all candidates; a failed way has a separate result
 */
record Row(Case what, List<Result> results) {
  /** Whether all computed results were correct. */
  boolean passed() {
    return results.stream().allMatch(Result::passed);
  }

  /** Nanoseconds per logit of a candidate, if it was timed. */
  OptionalDouble perElement(String candidate) {
    return results.stream()
        .filter(result -> result.candidate().equals(candidate) && result.passed())
        .mapToDouble(result -> result.median() / what.shape().elements())
        .findFirst();
  }

  /** The time of the fastest of these candidates. */
  OptionalDouble fastest(List<String> candidates) {
    return candidates.stream().map(this::perElement).flatMapToDouble(OptionalDouble::stream).min();
  }

  /** Whether all results of a candidate were wrong. */
  boolean failed(String candidate) {
    return perElement(candidate).isEmpty()
        && results.stream().anyMatch(result -> result.candidate().equals(candidate));
  }
}
