// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Options;
import dev.xent.options.FullyMasked;
import java.util.Objects;

/**
 * The options of operations on logits without a loss: {@link Softmax}, {@link LogSoftmax}, {@link
 * LogSumExp}, {@link Entropy}, {@link TopK}, {@link SelectedLogProbabilities} and {@link
 * CrossEntropyHvp}.
 *
 * @param <B> the builder itself
 */
public abstract class LogitBuilder<B extends OperationBuilder<B>> extends OperationBuilder<B> {
  private FullyMasked fullyMasked = FullyMasked.NAN;

  LogitBuilder() {}

  /**
   * Sets the results of a row that is all -inf, or whose classes are all masked: NaN (default), or
   * the results of a sum over no class, which {@link FullyMasked#ZERO} names for each operation.
   */
  public B fullyMasked(FullyMasked value) {
    fullyMasked = Objects.requireNonNull(value, "fullyMasked");
    return self();
  }

  /**
   * Sets {@code tau}: logits are divided by it, after the softcap, and a backward divides by it
   * too. Default: 1.
   *
   * @throws OptionException unless it is from 2^-32 to 2^32
   */
  public B temperature(double value) {
    numbers.set(OptionRange.TEMPERATURE, value);
    return self();
  }

  /**
   * Sets {@code c}: logits become {@code c tanh(x / c)}, before the temperature. Default: they
   * stay. The backward of softmax and log-softmax rejects it, because {@code y} does not determine
   * its derivative. So does {@link CrossEntropyHvp}, whose Hessian it changes.
   *
   * @throws OptionException unless it is from 2^-32 to 2^32
   */
  public B softcap(double value) {
    numbers.set(OptionRange.SOFTCAP, value);
    return self();
  }

  /** These options for the kernels. */
  Options options(Engine engine) {
    return Options.of(engine, fullyMasked, numbers);
  }
}
