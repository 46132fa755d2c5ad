// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.InputViews;
import dev.xent.internal.plan.Outputs;
import dev.xent.internal.plan.View;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What the arguments of a call hold. A null is refused by the name of its argument. */
final class Arguments {
  private Arguments() {}

  static View view(Tensor tensor, String name) {
    return Objects.requireNonNull(tensor, name).view;
  }

  static @Nullable View viewOrNull(@Nullable Tensor tensor) {
    return tensor == null ? null : tensor.view;
  }

  static InputViews views(Inputs inputs) {
    return Objects.requireNonNull(inputs, "inputs").views.ofLogits();
  }

  /** The same of an operation on hidden states. */
  static InputViews viewsOfLinear(Inputs inputs) {
    return Objects.requireNonNull(inputs, "inputs").views;
  }

  static Outputs outputs(ReducedOutputs<?> outputs, String name) {
    return Objects.requireNonNull(outputs, name).outputs;
  }
}
