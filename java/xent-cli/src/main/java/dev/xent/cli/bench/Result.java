// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

/**
 * How fast a tier is at an operation on a shape.
 *
 * @param operation what was computed
 * @param shape of the logits
 * @param tier who computed
 * @param threads on how many threads
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
   * @param copy of a copy that reads and writes as many bytes as the operation; of a read-only
   *     operation, of a copy of the logits
   * @param read of a read of the logits
   */
  record MemoryTimes(double copy, double read) {}

  /** The memory's time of the bytes that the operation has to move, over its own time. */
  double share() {
    return (operation.isReadOnly() ? memory.read() : memory.copy()) / nanoseconds.median();
  }

  /** Bytes that it has to move per nanosecond, which are GB per second. */
  double bandwidth() {
    return operation.bytesPerElement() / nanoseconds.median();
  }

  /** Bytes of memory that a call touches. */
  long workingSet() {
    return operation.bytesPerElement() * shape.elements();
  }
}
