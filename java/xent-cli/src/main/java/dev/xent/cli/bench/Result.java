// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The speed of a kernel for an operation on a shape of logits.
 *
 * @param threads the number of threads
 * @param nanoseconds per element
 * @param memory nanoseconds per element of the memory in the same rounds
 */
record Result(
    Operation operation,
    Shape shape,
    Tier tier,
    int threads,
    Times nanoseconds,
    MemoryTimes memory) {

  /**
   * Medians of nanoseconds per element.
   *
   * @param copy of a copy with the same bytes read and written as the operation; for a read-only
   *     operation, of a copy of the logits
   * @param read of a read of the logits
   */
  record MemoryTimes(double copy, double read) {}

  /** The results of each key, in their order. */
  static <K> Map<K, List<Result>> by(Function<Result, K> key, List<Result> results) {
    return results.stream()
        .collect(Collectors.groupingBy(key, LinkedHashMap::new, Collectors.toList()));
  }

  /** The time of memory for the bytes that the operation must move. */
  double limit() {
    return operation.isReadOnly() ? memory.read() : memory.copy();
  }

  /** The time of memory divided by that of the operation. */
  double share() {
    return limit() / nanoseconds.median();
  }

  /** The bytes that it must move per nanosecond, which equals GB per second. */
  double bandwidth() {
    return operation.bytesPerElement() / nanoseconds.median();
  }
}
