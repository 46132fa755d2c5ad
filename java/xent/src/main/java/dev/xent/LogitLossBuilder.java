// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.plan.options.OptionRange;

/**
 * The options of losses of logits and targets: {@link CrossEntropy} and {@link LinearCrossEntropy}.
 *
 * @param <B> the builder itself
 */
public abstract non-sealed class LogitLossBuilder<B extends OperationBuilder<B>>
    extends LossBuilder<B> implements LogitOptions<B> {
  LogitLossBuilder() {}

  /**
   * Sets the factor of the squared log-sum-exp, which is added to the loss of a row and keeps
   * logits from drifting. Default: 0.
   *
   * @throws OptionException unless 0 or more, and finite
   */
  public B zLoss(double value) {
    return set(OptionRange.Z_LOSS, value);
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
    return set(OptionRange.PROBABILITY_CLAMP, value);
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
    return set(OptionRange.FOCAL_GAMMA, value);
  }
}
