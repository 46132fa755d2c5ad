// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.CrossEntropyPlan;
import dev.xent.internal.plan.Engine;
import dev.xent.internal.plan.LossOptions;
import dev.xent.internal.plan.Options;
import dev.xent.internal.plan.Reductions;
import dev.xent.internal.plan.View;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The options that {@link CrossEntropy} and {@link NllLoss} have in common. Not safe for use by
 * several threads at once; what is built is.
 *
 * @param <B> the builder itself, which every option returns
 */
public abstract sealed class LossBuilder<B extends LossBuilder<B>> extends OperationBuilder<B>
    permits CrossEntropy.Builder, NllLoss.Builder {
  private @Nullable Integer axis;
  private @Nullable Long ignoreIndex;
  private boolean negativeOfLabelsAlone;
  private double labelSmoothing;
  private final Reductions.Builder reductions = new Reductions.Builder();

  LossBuilder() {}

  /**
   * The axis of the classes; negative ones count from the end. Default: 1, or 0 for an input of one
   * dimension.
   */
  public B axis(int value) {
    axis = value;
    return self();
  }

  /**
   * The label whose rows are ignored: any number, a class or not. There is none by default. Class
   * indices, and sparse targets, where it stands for no class.
   */
  public B ignoreIndex(long value) {
    ignoreIndex = value;
    return self();
  }

  /**
   * {@code eps}: targets become {@code (1 - eps) * q + eps / classes}, over the classes that are
   * not masked. Default: 0.
   *
   * @throws OptionException unless in [0, 1]
   */
  public B labelSmoothing(double value) {
    labelSmoothing = Reductions.requireSmoothing(value);
    return self();
  }

  /** What is returned. Default: MEAN. */
  public B reduction(Reduction value) {
    reductions.reduction(value);
    return self();
  }

  /**
   * What the gradient is of: MEAN divides it by the denominator, SUM and NONE do not. Default: as
   * the reduction.
   */
  public B gradientReduction(Reduction value) {
    reductions.gradientReduction(value);
    return self();
  }

  /**
   * What every gradient is multiplied by. Default: 1.
   *
   * @throws OptionException unless finite
   */
  public B gradientScale(double value) {
    reductions.gradientScale(value);
    return self();
  }

  /**
   * What a mean divides by, in place of the number of rows that are not ignored, or the sum of
   * their weights: that of a whole batch, say, of which each call sees a part.
   *
   * @throws OptionException unless 0 or more, and finite
   */
  public B denominator(double value) {
    reductions.denominator(value);
    return self();
  }

  /** What a mean over the denominator 0 is. Default: NaN. */
  public B noneCounted(NoneCounted value) {
    reductions.noneCounted(value);
    return self();
  }

  /** Makes a negative ignore index one of labels alone: probability rows do without it. */
  void ignoreNegativeOfLabelsAlone() {
    negativeOfLabelsAlone = true;
  }

  /** The plan of these options for logits, which has the one for log-probabilities. */
  CrossEntropyPlan plan(
      FullyMasked fullyMasked, UnaryOperator<Options> more, @Nullable View classWeights) {
    Engine engine = engine();
    Options options = more.apply(Options.of(engine, fullyMasked, ignoreIndex, labelSmoothing));
    boolean labelsAlone = negativeOfLabelsAlone && ignoreIndex != null && ignoreIndex < 0;
    LossOptions loss = LossOptions.of(options, labelsAlone, axis, classWeights);
    return new CrossEntropyPlan(engine, loss, reductions.build());
  }
}
