// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.Arguments.viewOrNull;

import dev.xent.internal.plan.Outputs;
import org.jspecify.annotations.Nullable;

/**
 * What every operation that reduces the losses of rows can hand out beside the loss: {@link
 * CrossEntropy.Outputs}, {@link LinearCrossEntropy.Outputs}, {@link NllLoss.Outputs}, {@link
 * Divergence.Outputs} and {@link BinaryCrossEntropy.Outputs} add what they can. Ask it once for
 * what you want, then give it to any number of calls; each overwrites the numbers and tensors of
 * the one before.
 *
 * <p>Not safe for use by several threads at once. Before the first call that succeeds, loss, sum
 * and denominator are NaN, and counts are -1. A call that fails leaves the numbers of the call
 * before.
 *
 * @param <O> the outputs themselves, which every request returns
 */
public abstract sealed class ReducedOutputs<O extends ReducedOutputs<O>>
    permits BinaryCrossEntropy.Outputs, Divergence.Outputs, LossOutputs {
  final Outputs outputs = new Outputs();

  ReducedOutputs() {}

  /**
   * Asks for the loss of every row, unreduced.
   *
   * @param tensor of a type that fits the logits or log-probabilities, in the shape of the rows:
   *     theirs without the class axis, or with that axis at size 1; null: no longer
   */
  public O losses(@Nullable Tensor tensor) {
    outputs.losses = viewOrNull(tensor);
    return self();
  }

  /**
   * Asks that the losses of every call, and what their mean divides by, be added to a tally, beside
   * what the call returns. A call that fails adds nothing.
   *
   * @param sums where they are added; null: no longer
   */
  public O tally(@Nullable LossTally sums) {
    outputs.tally = sums == null ? null : sums.sums;
    return self();
  }

  /** The reduced loss, as it was returned. */
  public double loss() {
    return outputs.loss;
  }

  /** The exact sum of the row losses, rounded once. */
  public double sum() {
    return outputs.sum;
  }

  /** The number of rows. */
  public long rows() {
    return outputs.rows;
  }

  /** The number of rows that are not ignored: their label is not, and their weight is not 0. */
  public long counted() {
    return outputs.counted;
  }

  /**
   * What a mean divides by: the counted rows, or the sum of their weights, or what the operation
   * was given.
   */
  public double denominator() {
    return outputs.denominator;
  }

  /** What is asked for, and the numbers of the last call, in one line. */
  @Override
  public String toString() {
    return outputs.toString();
  }

  /** These outputs. */
  abstract O self();
}
