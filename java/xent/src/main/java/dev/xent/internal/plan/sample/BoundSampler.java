// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.options.OptionRange;
import org.jspecify.annotations.Nullable;

/** A call of a sampler that its caller keeps. */
public final class BoundSampler extends Bound {
  private final SamplerArguments arguments = new SamplerArguments();

  BoundSampler(Operation operation, View logits, View tokens) {
    super(operation, logits, tokens, null);
  }

  /** Draws the tokens of a step. */
  public void run(long step) {
    OptionRange.STEP.require(step);
    sample(step, null);
  }

  /** Draws tokens by a sampler for each row. */
  public void run(SamplerRows requests) {
    sample(0, requests);
  }

  private void sample(long step, @Nullable SamplerRows requests) {
    enter();
    given.step = step;
    arguments.requests = requests;
    given.others = requests == null && arguments.outputs == null ? null : arguments;
    runEntered();
  }

  /** Sets what receives the numbers of all later runs. */
  public void outputs(SamplerOutputs outputs) {
    enter();
    arguments.outputs = outputs;
    changed();
    leave();
  }
}
