// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.Arguments.viewOrNull;

import dev.xent.internal.kernels.Array;
import org.jspecify.annotations.Nullable;

/** What losses of targets can hand out besides: correct rows, and the gradient of the targets. */
abstract class LossOutputs extends ReducedOutputs {

  /**
   * Asks for 1 in every row whose label is the first of the largest logits or log-probabilities, 0
   * in others. Class indices only.
   *
   * @param tensor U8 or I8 in the shape of the rows, or null to cancel the request
   */
  protected LossOutputs correct(@Nullable Tensor tensor) {
    outputs.set(Array.CORRECT, viewOrNull(tensor));
    return this;
  }

  /** Asks for {@link #correctCount()} without a tensor of correct rows. Class indices only. */
  protected LossOutputs countCorrect(boolean wanted) {
    outputs.countCorrect(wanted);
    return this;
  }

  /**
   * Asks for the gradient with respect to probability rows or the weights of sparse targets: {@code
   * - c u (1 - eps) w l}, where {@code l} are the log-probabilities. It is written in every call
   * that receives these outputs.
   *
   * @param tensor of a type that fits the logits or log-probabilities, in the shape of the
   *     probability rows or of {@link Inputs#targetWeights}, or null to cancel the request
   */
  protected LossOutputs targetGradient(@Nullable Tensor tensor) {
    outputs.set(Array.TARGET_GRADIENT, viewOrNull(tensor));
    return this;
  }

  /** Returns the number of correct rows, or -1 if neither correct rows nor their count are set. */
  public long correctCount() {
    return outputs.correctCount;
  }
}
