// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.Arguments.viewOrNull;

import org.jspecify.annotations.Nullable;

/**
 * What {@link CrossEntropy}, {@link LinearCrossEntropy} and {@link NllLoss} can hand out beside the
 * loss: hits, and the gradient of the targets.
 *
 * @param <O> the outputs themselves, which every request returns
 */
public abstract sealed class LossOutputs<O extends LossOutputs<O>> extends ReducedOutputs<O>
    permits LogitLossOutputs, NllLoss.Outputs {

  LossOutputs() {}

  /**
   * Asks for 1 in every row whose label is the first of the largest logits or log-probabilities, 0
   * in others. Class indices only.
   *
   * @param tensor U8 or I8 in the shape of the rows; null: no longer
   */
  public O hits(@Nullable Tensor tensor) {
    outputs.hits = viewOrNull(tensor);
    return self();
  }

  /** Asks for {@link #correct()} without a tensor of hits. Class indices only. */
  public O countCorrect(boolean wanted) {
    outputs.countCorrect = wanted;
    return self();
  }

  /**
   * Asks for the gradient with respect to probability rows or the weights of sparse targets: {@code
   * - c u (1 - eps) w l}, where {@code l} are the log-probabilities. It is written in every call
   * that these outputs are given to.
   *
   * @param tensor of a type that fits the logits or log-probabilities, in the shape of the
   *     probability rows or of {@link Inputs#targetWeights}; null: no longer
   */
  public O targetGradient(@Nullable Tensor tensor) {
    outputs.targetGradient = viewOrNull(tensor);
    return self();
  }

  /** The number of hits, or -1 when neither hits nor their count was asked for. */
  public long correct() {
    return outputs.correct;
  }
}
