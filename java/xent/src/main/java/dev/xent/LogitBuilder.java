// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Options;
import dev.xent.options.FullyMasked;
import java.util.Objects;

/** The options of operations on logits without targets. */
abstract class LogitBuilder extends OperationBuilder {
  int axis = -1;
  private FullyMasked fullyMasked = FullyMasked.NAN;

  /** Sets the axis of the classes; negative ones count from the end. Default: -1, the last. */
  protected LogitBuilder axis(int value) {
    axis = value;
    return this;
  }

  /**
   * Sets the results of a row that is all -inf, or whose classes are all masked: NaN (default), or
   * the results of a sum over no class, which {@link FullyMasked#ZERO} names for each operation.
   */
  protected LogitBuilder fullyMasked(FullyMasked value) {
    fullyMasked = Objects.requireNonNull(value, "fullyMasked");
    return this;
  }

  /**
   * Sets {@code tau}: logits are divided by it, after the softcap, and a backward divides by it
   * too. Default: 1. Throws {@link OptionException} unless it is from 2^-32 to 2^32.
   */
  protected LogitBuilder temperature(double value) {
    numbers.set(OptionRange.TEMPERATURE, value);
    return this;
  }

  /**
   * Sets {@code c}: logits become {@code c tanh(x / c)}, before the temperature. Default: they
   * stay. The backward of softmax and log-softmax rejects it, because {@code y} does not determine
   * its derivative. So does {@link CrossEntropyHvp}, whose Hessian it changes. Throws {@link
   * OptionException} unless it is from 2^-32 to 2^32.
   */
  protected LogitBuilder softcap(double value) {
    numbers.set(OptionRange.SOFTCAP, value);
    return this;
  }

  /** These options for the kernels. */
  Options options(Engine engine) {
    return Options.of(engine, fullyMasked, numbers);
  }
}
