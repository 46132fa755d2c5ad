// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.lang.foreign.MemorySegment;

/** A candidate that is prepared for one problem. */
public interface Task {
  /**
   * The timed code: computes once.
   *
   * @return the loss, if the operation has one and the call includes reading it; otherwise any
   *     number
   */
  double run() throws Exception;

  /**
   * Computes once for the check. By default the same as {@link #run}, for tasks that write {@link
   * Problem#output} themselves.
   *
   * @param output the place for the output
   * @return the loss of an operation with a loss
   */
  default double check(MemorySegment output) throws Exception {
    return run();
  }
}
