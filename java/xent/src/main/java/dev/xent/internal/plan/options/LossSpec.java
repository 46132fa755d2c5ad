// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import org.jspecify.annotations.Nullable;

/**
 * What a loss was built with.
 *
 * @param options what the kernels are told
 * @param axis of the classes
 * @param classWeights one per class, or null
 * @param reductions what becomes of row losses and gradients
 */
public record LossSpec(
    Options options, int axis, @Nullable View classWeights, Reductions reductions) {

  /** The same with another denominator. */
  public LossSpec withDenominator(double value) {
    return new LossSpec(options, axis, classWeights, reductions.withDenominator(value));
  }

  /** Its name and what is not as by default. */
  public String describe(Described text, Engine engine) {
    text.option("axis", axis, -1);
    options.describe(text);
    text.option("classWeights", classWeights, null);
    reductions.describe(text);
    engine.describe(text);
    return text.toString();
  }
}
