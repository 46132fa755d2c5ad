// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.Reductions;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The options of operations that reduce the losses of rows or elements. */
abstract class ReducedBuilder extends OperationBuilder {
  private int axis = -1;
  private Reduction reduction = Reduction.MEAN;
  private @Nullable Reduction gradientReduction;
  private double gradientScale = 1;
  private double denominator = Double.NaN;
  private EmptyMean emptyMean = EmptyMean.NAN;

  /**
   * Sets the axis of the classes; of {@link LinearCrossEntropy} that of the features, and of {@link
   * BinaryCrossEntropy} that for which one-dimensional weights have a number each. Negative ones
   * count from the end. Default: -1, the last.
   */
  protected ReducedBuilder axis(int value) {
    axis = value;
    return this;
  }

  /** Sets the number that a call returns. Default: MEAN. */
  protected ReducedBuilder reduction(Reduction value) {
    reduction = Objects.requireNonNull(value, "reduction");
    return this;
  }

  /**
   * Sets the reduction of the gradient: MEAN divides it by the denominator, SUM does not. Default:
   * the reduction of the loss.
   */
  protected ReducedBuilder gradientReduction(Reduction value) {
    gradientReduction = Objects.requireNonNull(value, "gradientReduction");
    return this;
  }

  /**
   * Sets the factor of every gradient. Default: 1. Throws {@link OptionException} unless finite.
   */
  protected ReducedBuilder gradientScale(double value) {
    gradientScale = OptionRange.GRADIENT_SCALE.require(value);
    return this;
  }

  /**
   * Sets the divisor of a mean, instead of the number of rows that are not ignored, or the sum of
   * their weights: for instance the number of rows of a whole batch, where each call sees a part of
   * it. Throws {@link OptionException} unless 0 or more, and finite.
   */
  protected ReducedBuilder denominator(double value) {
    denominator = Reductions.requireDenominator(value);
    return this;
  }

  /** Sets the mean over the denominator 0. Default: NaN. */
  protected ReducedBuilder emptyMean(EmptyMean value) {
    emptyMean = Objects.requireNonNull(value, "emptyMean");
    return this;
  }

  /** All options, with those of the kernels. */
  LossSpec spec(Options options, @Nullable Tensor classWeights) {
    return new LossSpec(
        options,
        axis,
        Arguments.viewOrNull(classWeights),
        new Reductions(
            reduction,
            gradientReduction == null ? reduction : gradientReduction,
            gradientScale,
            denominator,
            emptyMean));
  }
}
