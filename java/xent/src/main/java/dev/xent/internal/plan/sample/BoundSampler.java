// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Plan;
import dev.xent.internal.plan.options.OptionRange;
import org.jspecify.annotations.Nullable;

/** A call of a sampler that its caller keeps. */
public final class BoundSampler extends Bound {
  private final SamplerArguments samplerArguments = new SamplerArguments();

  BoundSampler(Plan operation, View logits, View tokens) {
    super(operation, logits, tokens, null);
  }

  /** Draws the tokens of a step. */
  public void run(long step) {
    OptionRange.STEP.require(step);
    run(step, null);
  }

  /** Draws a token per row, with a separate sampler for each row. */
  public void run(SamplerRows requests) {
    run(0, requests);
  }

  @Override
  protected void begin(long step, @Nullable Object requests) {
    arguments.step = step;
    samplerArguments.requests = (SamplerRows) requests;
    arguments.others =
        requests == null && samplerArguments.outputs == null ? null : samplerArguments;
  }

  /** Sets the outputs of all later runs. */
  public void outputs(SamplerOutputs outputs) {
    change(() -> samplerArguments.outputs = outputs);
  }
}
