// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionNumbers;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Options;
import dev.xent.options.FullyMasked;
import dev.xent.options.Smoothing;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The options of all operations. Each builder extends one of the families {@link LogitBuilder},
 * {@link SigmoidBuilder}, {@link ReducedBuilder}, {@link LossBuilder} and {@link LogitLossBuilder},
 * or this class, and each method returns the builder on which you call it. So one method can set
 * the options of several operations:
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="families" :
 * static <B extends LogitBuilder<B>> B withOptions(B builder) {
 *   return builder.axis(1).temperature(0.5);
 * }
 *
 * }
 *
 * <p>{@code withOptions(Softmax.builder())} is a {@link Softmax.Builder}, {@code
 * withOptions(TopK.builder(5))} a {@link TopK.Builder}.
 *
 * <p>Builders are mutable and not safe for use by several threads at once; the operations that they
 * build are immutable.
 *
 * @param <B> the builder itself
 */
public abstract class OperationBuilder<B extends OperationBuilder<B>> {
  // B has this bound in all families, so that programs that are compiled already still find an
  // option that moved to another one.

  int axis = -1;
  private Execution execution = Execution.defaults();

  // The options of all kernels. A family has a method for each option that its kernels have.

  private final OptionNumbers numbers = new OptionNumbers();
  FullyMasked fullyMasked = FullyMasked.NAN;
  @Nullable Long ignoreIndex;

  /** Whether a negative ignore index does not apply to probability rows. */
  boolean negativeOfLabelsAlone;

  Smoothing smoothing = Smoothing.UNIFORM;
  double gradientScale = 1;

  OperationBuilder() {}

  /** Sets the backend, the instruction set and the threads. Default: {@link Execution#defaults}. */
  public B execution(Execution value) {
    execution = Objects.requireNonNull(value, "execution");
    return self();
  }

  /**
   * Sets the axis of the classes; of {@link LinearCrossEntropy} that of the features, and of {@link
   * BinaryCrossEntropy} that of weights with one dimension. Negative ones count from the end.
   * Default: -1, the last.
   */
  public B axis(int value) {
    axis = value;
    return self();
  }

  /** This builder. Every class that extends this one is in this package and passes itself as B. */
  @SuppressWarnings("unchecked")
  final B self() {
    return (B) this;
  }

  /** Sets a numeric option. */
  final B set(OptionRange option, double value) {
    numbers.set(option, value);
    return self();
  }

  /** The options for the kernels. */
  final Options options(Engine engine) {
    boolean ignores = ignoreIndex != null;
    long ignored = ignores ? ignoreIndex : 0;
    return new Options(
        engine.isa(),
        fullyMasked,
        ignores,
        ignored,
        negativeOfLabelsAlone && ignored < 0,
        smoothing,
        numbers);
  }

  /** The engine for the options in this process. */
  final Engine engine() {
    return execution.engine();
  }
}
