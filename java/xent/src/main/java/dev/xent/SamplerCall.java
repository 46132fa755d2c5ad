// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.sample.SamplerOperation;
import dev.xent.internal.plan.sample.SamplerRows;
import dev.xent.internal.plan.sample.TokenOutputs;

/**
 * A call of a sampler, with its tensors, inputs and outputs, to run once or often: {@link
 * Sampler#on} returns it. The first two runs check everything. Later ones check only what can
 * change: whether the memory may still be used, and what it holds. They allocate nothing once the
 * JVM has compiled them, except for one of the first thousand; the first time that a process makes
 * frequent calls, one of them takes ten to thirty milliseconds more.
 *
 * <p>One thread at a time may use it. A second one gets a {@link
 * java.util.ConcurrentModificationException}, also for a run within a run.
 */
public final class SamplerCall {
  final SamplerOperation.Bound bound;

  SamplerCall(SamplerOperation.Bound bound) {
    this.bound = bound;
  }

  /**
   * Sets further inputs of all later runs. Default: none.
   *
   * @param inputs a mask, a bias, the tokens before
   */
  public SamplerCall inputs(SamplerInputs inputs) {
    bound.inputs(InputViews.of(inputs));
    return this;
  }

  /**
   * Sets further outputs of all later runs. Default: none.
   *
   * @param outputs receive the numbers of each run; their tensors are filled
   */
  public SamplerCall outputs(SamplerOutputs outputs) {
    bound.outputs(TokenOutputs.of(outputs));
    return this;
  }

  /**
   * Writes the tokens of what the logits hold now.
   *
   * @param step how many tokens came before, from 0 to 2^32 - 1
   */
  public void run(long step) {
    bound.run(step);
  }

  /**
   * Writes the tokens of rows of which each has a sampler, a stream and a step.
   *
   * @param requests one per row, in order
   */
  public void run(SamplerRequests requests) {
    bound.run(SamplerRows.of(requests));
  }
}
