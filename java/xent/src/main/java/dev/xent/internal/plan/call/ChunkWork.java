// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

/** What an operation does with a class range of one row. */
@FunctionalInterface
public interface ChunkWork {
  /**
   * A row of the piece that the call has entered, and classes between places where it may be cut.
   */
  void run(Call call, long row, long from, long to);
}
