// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.Arguments.viewOrNull;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.call.Outputs;
import org.jspecify.annotations.Nullable;

/** Further results of every operation that reduces the losses of rows. */
abstract class ReducedOutputs {
  final Outputs outputs = new Outputs();

  /**
   * Asks for the loss of every row, unreduced.
   *
   * @param tensor of a type that fits the logits or log-probabilities, in the shape of the rows:
   *     theirs without the class axis, or with that axis at size 1, or null to cancel the request
   */
  protected ReducedOutputs losses(@Nullable Tensor tensor) {
    outputs.set(Array.LOSSES, viewOrNull(tensor));
    return this;
  }

  /**
   * Adds the losses of every call, and the denominators of their means, to an exact sum. A call
   * that fails adds nothing.
   *
   * @param sums where they are added, or null to cancel the request
   */
  protected ReducedOutputs lossSum(@Nullable LossSum sums) {
    outputs.lossSum(sums == null ? null : sums.sums);
    return this;
  }

  /** Returns the reduced loss, as it was returned; NaN before the first call that succeeds. */
  public double loss() {
    return outputs.loss;
  }

  /**
   * Returns the exact sum of the row losses, rounded once; NaN before the first call that succeeds.
   */
  public double sum() {
    return outputs.sum;
  }

  /** Returns the number of rows; -1 before the first call that succeeds. */
  public long rows() {
    return outputs.rows;
  }

  /**
   * Returns the number of rows that are not ignored: their label is not, and their weight is not 0;
   * -1 before the first call that succeeds.
   */
  public long validRows() {
    return outputs.validRows;
  }

  /**
   * Returns the divisor of a mean: the valid rows, or the sum of their weights, or the denominator
   * that is set; NaN before the first call that succeeds.
   */
  public double denominator() {
    return outputs.denominator;
  }

  /** Returns the outputs that are set, and the numbers of the last call, in one line. */
  @Override
  public String toString() {
    return outputs.toString();
  }
}
