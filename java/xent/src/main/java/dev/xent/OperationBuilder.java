// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionNumbers;
import java.util.Objects;

/**
 * The options of all operations. Each builder extends one of the families {@link LogitBuilder},
 * {@link ReducedBuilder}, {@link LossBuilder} and {@link LogitLossBuilder}, or this class, and each
 * method returns the builder on which you call it. So one method can set the options of several
 * operations:
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

  /** The numbers among its options. */
  final OptionNumbers numbers = new OptionNumbers();

  int axis = -1;
  private Execution execution = Execution.defaults();

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

  /** The engine for the options in this process. */
  Engine engine() {
    return execution.engine();
  }
}
