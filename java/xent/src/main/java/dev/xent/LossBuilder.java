// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.options.Smoothing;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The options of losses that compare rows with targets: {@link NllLoss} has these; {@link
 * LogitLossBuilder} adds those of logits.
 *
 * @param <B> the builder itself
 */
public abstract class LossBuilder<B extends OperationBuilder<B>> extends ReducedBuilder<B> {
  LossBuilder() {}

  /**
   * Sets the label whose rows are ignored: any number, a class or not. Default: none. Class
   * indices, and sparse targets, where it marks an unused entry.
   */
  public B ignoreIndex(long value) {
    ignoreIndex = value;
    return self();
  }

  /**
   * Sets {@code eps}: targets become {@code (1 - eps) * q + eps / classes}, over the classes that
   * are not masked. Default: 0.
   *
   * @throws OptionException unless in [0, 1]
   */
  public B labelSmoothing(double value) {
    return set(OptionRange.LABEL_SMOOTHING, value);
  }

  /**
   * Sets the classes among which {@code labelSmoothing} divides what it takes from a label.
   * Default: {@link Smoothing#UNIFORM}. {@link Smoothing#OTHERS} goes with class indices alone:
   * with other targets a call throws {@link OptionException}.
   */
  public B smoothing(Smoothing value) {
    smoothing = Objects.requireNonNull(value, "smoothing");
    return self();
  }

  /**
   * Sets {@code w}: the weight of each class, by which its target is multiplied after smoothing.
   * Read in every call, which throws {@link OptionException} unless all are finite and 0 or more.
   *
   * @param weights one dimension with a number per class, of a type that fits the logits; null
   *     (default): 1 for each
   */
  public B classWeights(@Nullable Tensor weights) {
    classWeights = weights;
    return self();
  }

  /** Makes a negative ignore index one of labels alone: probability rows do without it. */
  void ignoreNegativeOfLabelsAlone() {
    negativeOfLabelsAlone = true;
  }
}
