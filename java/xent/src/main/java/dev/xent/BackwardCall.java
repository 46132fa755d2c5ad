// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.LossBinding;
import dev.xent.internal.plan.call.Outputs;
import org.jspecify.annotations.Nullable;

/** The gradient of a loss alone, from the statistics that a run saved. */
final class BackwardCall extends BoundCall {
  private final LossBinding loss;
  private final Outputs saved;
  private final @Nullable View upstream;

  BackwardCall(LossBinding loss, LossOutputs saved, @Nullable Tensor upstream) {
    super(loss);
    this.loss = loss;
    this.saved = Outputs.saved(saved);
    this.upstream = (View) upstream;
  }

  @Override
  public void run() {
    loss.backward(saved, upstream);
  }
}
