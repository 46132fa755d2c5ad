// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.LossSpec;
import dev.xent.internal.plan.Options;
import dev.xent.internal.plan.Reductions;
import dev.xent.options.NoneCounted;
import dev.xent.options.Reduction;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The options of operations that reduce the losses of rows: {@link CrossEntropy}, {@link
 * LinearCrossEntropy}, {@link NllLoss}, {@link Divergence}, and {@link BinaryCrossEntropy}, of
 * which every element is a row. Not safe for use by several threads at once; the operation that it
 * builds is.
 *
 * @param <B> the builder itself, which every option returns
 */
public abstract sealed class ReducedBuilder<B extends ReducedBuilder<B>> extends OperationBuilder<B>
    permits BinaryCrossEntropy.Builder, Divergence.Builder, LossBuilder {
  private int axis = -1;
  private Reduction reduction = Reduction.MEAN;
  private @Nullable Reduction gradientReduction;
  private double gradientScale = 1;
  private double denominator = Double.NaN;
  private NoneCounted noneCounted = NoneCounted.NAN;

  ReducedBuilder() {}

  /**
   * The axis of the classes; of {@link LinearCrossEntropy} that of the features, and of {@link
   * BinaryCrossEntropy} that for which one-dimensional weights have a number each. Negative ones
   * count from the end. Default: -1, the last.
   */
  public B axis(int value) {
    axis = value;
    return self();
  }

  /** The number that a call returns. Default: MEAN. */
  public B reduction(Reduction value) {
    reduction = Objects.requireNonNull(value, "reduction");
    return self();
  }

  /**
   * The reduction of the gradient: MEAN divides it by the denominator, SUM does not. Default: the
   * reduction of the loss.
   */
  public B gradientReduction(Reduction value) {
    gradientReduction = Objects.requireNonNull(value, "gradientReduction");
    return self();
  }

  /**
   * The factor of every gradient. Default: 1.
   *
   * @throws OptionException unless finite
   */
  public B gradientScale(double value) {
    gradientScale = Reductions.requireScale(value);
    return self();
  }

  /**
   * The divisor of a mean, in place of the number of rows that are not ignored, or the sum of their
   * weights: for instance the number of rows of a whole batch, where each call sees a part of it.
   *
   * @throws OptionException unless 0 or more, and finite
   */
  public B denominator(double value) {
    denominator = Reductions.requireDenominator(value);
    return self();
  }

  /** The mean over the denominator 0. Default: NaN. */
  public B noneCounted(NoneCounted value) {
    noneCounted = Objects.requireNonNull(value, "noneCounted");
    return self();
  }

  /** All of them, with what the kernels are told. */
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
            noneCounted));
  }
}
