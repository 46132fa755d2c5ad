// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.options.FullyMasked;
import java.util.Objects;

/**
 * The options that the families {@link LogitBuilder} and {@link LogitLossBuilder} share. A method
 * with a parameter of this type can set them in a builder of either.
 *
 * @param <B> the builder itself
 */
public sealed interface LogitOptions<B extends OperationBuilder<B>>
    permits LogitBuilder, LogitLossBuilder {

  /**
   * Sets the results of a row that is all -inf, or whose classes are all masked: NaN (default), or
   * the results of a sum over no class, which {@link FullyMasked#ZERO} names for each operation.
   */
  default B fullyMasked(FullyMasked value) {
    OperationBuilder<B> builder = builder();
    builder.fullyMasked = Objects.requireNonNull(value, "fullyMasked");
    return builder.self();
  }

  /**
   * Sets {@code tau}: logits are divided by it, after the softcap, and a backward divides by it
   * too. Default: 1.
   *
   * @throws OptionException unless it is from 2^-32 to 2^32
   */
  default B temperature(double value) {
    return builder().set(OptionRange.TEMPERATURE, value);
  }

  /**
   * Sets {@code c}: logits become {@code c tanh(x / c)}, before the temperature. Default: they
   * stay. The backward of softmax and log-softmax rejects it, because {@code y} does not determine
   * its derivative. So does {@link CrossEntropyHvp}, whose Hessian it changes.
   *
   * @throws OptionException unless it is from 2^-32 to 2^32
   */
  default B softcap(double value) {
    return builder().set(OptionRange.SOFTCAP, value);
  }

  /** This builder; every class that implements this interface extends that one. */
  @SuppressWarnings("unchecked")
  private OperationBuilder<B> builder() {
    return (OperationBuilder<B>) this;
  }
}
