// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.options.OptionRange;

/**
 * The options of {@link Sigmoid} and {@link LogSigmoid}.
 *
 * @param <B> the builder itself
 */
public abstract class SigmoidBuilder<B extends OperationBuilder<B>> extends OperationBuilder<B> {
  SigmoidBuilder() {}

  /**
   * Divides the logits by a temperature, such as that of a calibration, without rounding them.
   *
   * @param value in [2^-32, 2^32]; default: 1
   */
  public final B temperature(double value) {
    return set(OptionRange.TEMPERATURE, value);
  }
}
