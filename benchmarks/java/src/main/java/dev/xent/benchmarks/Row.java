// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.List;
import java.util.OptionalDouble;

/**
 * What came of one case.
 *
 * @param what the operation and shape
 * @param results of all candidates; a way that failed has one of its own
 */
record Row(Case what, List<Result> results) {
  /** Whether everything that was computed was right. */
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

  /** The fastest of some. */
  OptionalDouble fastest(List<String> candidates) {
    return candidates.stream().map(this::perElement).flatMapToDouble(OptionalDouble::stream).min();
  }

  /** Whether all that a candidate computed was wrong. */
  boolean failed(String candidate) {
    return perElement(candidate).isEmpty()
        && results.stream().anyMatch(result -> result.candidate().equals(candidate));
  }
}
