// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.Execution;
import dev.xent.Tensor;
import java.lang.foreign.Arena;

/** The work of a call, with operations that all threads share. */
@FunctionalInterface
interface Step {
  /**
   * Computes.
   *
   * @param tensors the operands of the case
   * @param arena of the thread, for memory of the call
   * @return the loss, or 0 without a loss
   */
  double run(Tensor[] tensors, Arena arena);

  /** Creates a step for an execution. */
  @FunctionalInterface
  interface Maker {
    Step make(Execution execution);
  }
}
