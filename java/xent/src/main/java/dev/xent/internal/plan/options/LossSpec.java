// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of a loss.
 *
 * @param options the options of the kernels
 * @param axis the class axis
 * @param classWeights one weight per class, or null
 * @param reductions how row losses and gradients are reduced
 */
public record LossSpec(
    Options options, int axis, @Nullable View classWeights, Reductions reductions) {

  /** Returns a copy with another denominator. */
  public LossSpec withDenominator(double value) {
    return new LossSpec(options, axis, classWeights, reductions.withDenominator(value));
  }

  /** Adds the values that are not the defaults, and returns the text. */
  public String describe(Described text, Engine engine) {
    text.option("axis", axis, -1);
    options.describe(text);
    text.option("classWeights", classWeights, null);
    reductions.describe(text);
    engine.describe(text);
    return text.toString();
  }
}
