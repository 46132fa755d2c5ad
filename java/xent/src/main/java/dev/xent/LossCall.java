// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.call.LossBinding;
import dev.xent.internal.plan.call.Outputs;

/**
 * A call of a loss, with its tensors, inputs and outputs, to run once or often: {@link
 * CrossEntropy#on} and the {@code on} of other losses return it. The first two runs check
 * everything. Later ones check only what can change: whether the memory may still be used, and what
 * it holds. From the fourth on they allocate nothing once the JVM has compiled them, except for one
 * of the first thousand; the first time that a process makes frequent calls, one of them takes ten
 * to thirty milliseconds more.
 *
 * <p>One thread at a time may use it. A second one gets a {@link
 * java.util.ConcurrentModificationException}, also for a run within a run.
 */
public final class LossCall {
  final LossBinding bound;

  LossCall(LossBinding bound) {
    this.bound = bound;
  }

  /**
   * Sets further inputs of all later runs. Default: none.
   *
   * @param inputs what the operation takes: weights, masks, a sink, row offsets
   */
  public LossCall inputs(Inputs inputs) {
    bound.inputs(InputViews.of(inputs));
    return this;
  }

  /**
   * Sets further outputs of all later runs. Default: none.
   *
   * @param outputs receive the numbers of each run; their tensors are filled
   */
  public LossCall outputs(LossOutputs outputs) {
    bound.outputs(Outputs.of(outputs));
    return this;
  }

  /** Returns the reduced loss of what the memory of the tensors holds now. */
  public double run() {
    return bound.loss();
  }
}
