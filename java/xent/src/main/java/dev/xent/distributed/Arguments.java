// SPDX-License-Identifier: Apache-2.0
package dev.xent.distributed;

import dev.xent.CrossEntropy;
import dev.xent.Inputs;
import dev.xent.Tensor;
import dev.xent.internal.plan.Access;
import dev.xent.internal.plan.FinishedRows;
import dev.xent.internal.plan.Given;
import dev.xent.internal.plan.InputViews;
import dev.xent.internal.plan.Outputs;
import dev.xent.internal.plan.States;
import dev.xent.internal.plan.View;
import org.jspecify.annotations.Nullable;

/** What the arguments of a call hold. A null is refused with its name and what to give. */
final class Arguments {
  private Arguments() {}

  static View view(Tensor tensor, String name) {
    return Access.TENSOR.of(tensor, name);
  }

  static @Nullable View viewOrNull(@Nullable Tensor tensor, String name) {
    return tensor == null ? null : view(tensor, name);
  }

  static InputViews views(Inputs inputs) {
    return Access.INPUTS.of(inputs, "inputs").ofLogits();
  }

  static Outputs outputs(CrossEntropy.Outputs outputs) {
    return Access.OUTPUTS.of(outputs, "outputs");
  }

  static States states(PartialStates states, String name) {
    return Given.require(states, name, "the partial states of a shard").states;
  }

  static FinishedRows finished(RowStatistics statistics, String name) {
    return Given.require(statistics, name, "what finish made").rows;
  }
}
