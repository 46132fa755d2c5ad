// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Reductions;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The options of all losses: how the losses of rows or elements are reduced to a number. {@link
 * Divergence} and {@link BinaryCrossEntropy} have these; {@link LossBuilder} adds those of targets.
 *
 * @param <B> the builder itself
 */
public abstract class ReducedBuilder<B extends OperationBuilder<B>> extends OperationBuilder<B> {
  private Reduction reduction = Reduction.MEAN;
  private @Nullable Reduction gradientReduction;
  private double denominator = Double.NaN;
  private EmptyMean emptyMean = EmptyMean.NAN;
  @Nullable Tensor classWeights;

  ReducedBuilder() {}

  /** Sets the number that a call returns. Default: MEAN. */
  public B reduction(Reduction value) {
    reduction = Objects.requireNonNull(value, "reduction");
    return self();
  }

  /**
   * Sets the reduction of the gradient: MEAN divides it by the denominator, SUM does not. Default:
   * the reduction of the loss.
   */
  public B gradientReduction(Reduction value) {
    gradientReduction = Objects.requireNonNull(value, "gradientReduction");
    return self();
  }

  /**
   * Sets the factor of every gradient. Default: 1.
   *
   * @throws OptionException unless finite
   */
  public B gradientScale(double value) {
    gradientScale = OptionRange.GRADIENT_SCALE.require(value);
    return self();
  }

  /**
   * Sets the divisor of a mean, instead of the number of rows that are not ignored, or the sum of
   * their weights: for instance the number of rows of a whole batch, if each call sees a part of
   * it.
   *
   * @throws OptionException unless 0 or more, and finite
   */
  public B denominator(double value) {
    denominator = Reductions.requireDenominator(value);
    return self();
  }

  /** Sets the mean over the denominator 0. Default: NaN. */
  public B emptyMean(EmptyMean value) {
    emptyMean = Objects.requireNonNull(value, "emptyMean");
    return self();
  }

  /** All options, with those of the kernels. */
  final LossSpec spec(Engine engine) {
    return new LossSpec(
        options(engine),
        axis,
        (View) classWeights,
        new Reductions(
            reduction,
            gradientReduction == null ? reduction : gradientReduction,
            gradientScale,
            denominator,
            emptyMean));
  }
}
