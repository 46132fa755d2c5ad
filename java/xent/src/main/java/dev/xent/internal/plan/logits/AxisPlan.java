// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.KernelArrays;
import dev.xent.internal.plan.call.Plan;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import org.jspecify.annotations.Nullable;

/** An operation on logits along one axis, which is not a loss. */
public abstract class AxisPlan extends Plan {
  final Options options;
  final int axis;

  AxisPlan(Engine engine, Options options, int axis, @Nullable KernelArrays kernel) {
    super(engine, kernel);
    this.options = options;
    this.axis = axis;
  }

  public final int axis() {
    return axis;
  }

  /** Adds the values that are not the defaults, and returns the text. */
  final String describe(Described text, double gradientScale) {
    text.option("axis", axis, -1).option("gradientScale", gradientScale, 1.0);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  /** The type that results are computed in. */
  public static ElementType typeOfValues(View logits) {
    return logits.type == ElementType.F64 ? ElementType.F64 : ElementType.F32;
  }

  /** The type of a new tensor for one result per row. */
  public ElementType typeOfRows(View logits) {
    return typeOfValues(logits);
  }
}
