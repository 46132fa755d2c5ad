// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

/** The task of an operation on a class range of one row. */
@FunctionalInterface
public interface ChunkTask {
  /**
   * Processes a class range of a row of the current piece; the range begins and ends at chunk
   * boundaries.
   */
  void run(Run run, long row, long from, long to);
}
