// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.lang.foreign.MemorySegment;

/** A candidate made ready for one problem. */
public interface Task {
  /**
   * What is timed: computes once.
   *
   * @return the loss of an operation that has one and where reading it is part of the call;
   *     otherwise any number
   */
  double run() throws Exception;

  /**
   * Computes once for the check. By default the same as {@link #run}, for tasks that write {@link
   * Problem#output} themselves.
   *
   * @param output where the output must be afterwards
   * @return the loss of an operation that has one
   */
  default double check(MemorySegment output) throws Exception {
    return run();
  }
}
