// SPDX-License-Identifier: Apache-2.0
package dev.xent.distributed;

import dev.xent.Inputs;
import dev.xent.Tensor;
import dev.xent.internal.plan.Access;
import dev.xent.internal.plan.FinishedRows;
import dev.xent.internal.plan.InputViews;
import dev.xent.internal.plan.Outputs;
import dev.xent.internal.plan.States;
import dev.xent.internal.plan.View;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What the arguments of a call hold. A null is refused by the name of its argument. */
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

  static Outputs outputs(CrossEntropyShard.Outputs outputs) {
    return Objects.requireNonNull(outputs, "outputs").outputs;
  }

  static States states(PartialStates states, String name) {
    return Objects.requireNonNull(states, name).states;
  }

  static FinishedRows finished(RowStatistics statistics, String name) {
    return Objects.requireNonNull(statistics, name).rows;
  }
}
