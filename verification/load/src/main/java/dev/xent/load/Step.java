// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.Execution;
import dev.xent.Tensor;
import java.lang.foreign.Arena;

/** What a call does, with operations that all threads share. */
@FunctionalInterface
interface Step {
  /**
   * Computes.
   *
   * @param tensors the operands of the case
   * @param arena of the thread, for what a call keeps
   * @return the loss; 0 where there is none
   */
  double run(Tensor[] tensors, Arena arena);

  /** Makes a step for one who computes. */
  @FunctionalInterface
  interface Maker {
    Step make(Execution execution);
  }
}
