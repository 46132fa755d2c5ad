// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.options.FullyMasked;
import java.util.Objects;

/**
 * The options of losses of logits and targets: {@link CrossEntropy} and {@link LinearCrossEntropy}.
 *
 * @param <B> the builder itself
 */
public abstract class LogitLossBuilder<B extends OperationBuilder<B>> extends LossBuilder<B> {
  private FullyMasked fullyMasked = FullyMasked.NAN;

  LogitLossBuilder() {}

  /**
   * Sets the result of a row that is all -inf, or whose classes are all masked: NaN (default), or
   * loss and gradient +0.
   */
  public B fullyMasked(FullyMasked value) {
    fullyMasked = Objects.requireNonNull(value, "fullyMasked");
    return self();
  }

  /**
   * Sets {@code tau}: logits are divided by it, after the softcap. Default: 1.
   *
   * @throws OptionException unless it is from 2^-32 to 2^32
   */
  public B temperature(double value) {
    numbers.set(OptionRange.TEMPERATURE, value);
    return self();
  }

  /**
   * Sets {@code c}: logits become {@code c tanh(x / c)}, before the temperature. Default: they
   * stay.
   *
   * @throws OptionException unless it is from 2^-32 to 2^32
   */
  public B softcap(double value) {
    numbers.set(OptionRange.SOFTCAP, value);
    return self();
  }

  /**
   * Sets the factor of the squared log-sum-exp, which is added to the loss of a row and keeps
   * logits from drifting. Default: 0.
   *
   * @throws OptionException unless 0 or more, and finite
   */
  public B zLoss(double value) {
    numbers.set(OptionRange.Z_LOSS, value);
    return self();
  }

  /**
   * Sets {@code d}: the probability of a label counts as one in {@code [d, 1 - d]} in losses and
   * log-probabilities, as in systems that clip before the logarithm; gradients are as without. In
   * probability rows and sparse targets the probability of every class with a target is clamped so:
   * the loss is {@code sum t min(max(-log p, -log(1 - d)), -log d)}. That reads each row once more,
   * whole, so rows that are computed in parts reject it. Not together with {@code labelSmoothing}.
   * Default: probabilities count as they are, which is exact.
   *
   * @throws OptionException unless above 0 and at most 0.5
   */
  public B probabilityClamp(double value) {
    numbers.set(OptionRange.PROBABILITY_CLAMP, value);
    return self();
  }

  /**
   * Sets {@code gamma} of the focal loss: the loss of a row is {@code -(1 - p)^gamma log p} of its
   * label, times its class weight, which is the {@code alpha} of that loss, and the gradient is
   * that of this; right to the last digits where {@code p} is near 0 and near 1. Log-probabilities
   * are as without. Class indices only: with other targets a call throws {@link OptionException}.
   * Not together with smoothing, z-loss or probability clamp. Default: 0, cross-entropy.
   *
   * @throws OptionException unless from 0 to 2^32
   */
  public B focalGamma(double value) {
    numbers.set(OptionRange.FOCAL_GAMMA, value);
    return self();
  }

  /** All options, with those of the kernels. */
  LossSpec spec(Engine engine) {
    return spec(engine, fullyMasked);
  }
}
