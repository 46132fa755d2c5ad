// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

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

  /** The time of memory for the bytes that the operation must move, divided by its own time. */
  double share() {
    return (operation.isReadOnly() ? memory.read() : memory.copy()) / nanoseconds.median();
  }

  /** The bytes that it must move per nanosecond, which equals GB per second. */
  double bandwidth() {
    return operation.bytesPerElement() / nanoseconds.median();
  }

  /** The bytes of memory that a call touches. */
  long workingSet() {
    return operation.bytesPerElement() * shape.elements();
  }
}
