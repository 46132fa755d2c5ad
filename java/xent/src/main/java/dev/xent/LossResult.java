// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.Types;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.logits.LogitsOperation;

/**
 * The result of {@link Loss#evaluate}: a loss, and what it was reduced from.
 *
 * @param loss the reduced loss
 * @param losses the loss of every row, of {@link BinaryCrossEntropy} that of every element: F64 for
 *     logits of F64, else F32, in a new tensor; +0 of a row that is ignored
 * @param sum the exact sum of the losses, rounded once
 * @param rows the number of rows; of {@link BinaryCrossEntropy} that of elements
 * @param validRows the number of rows that are not ignored
 * @param correctRows the number of rows whose label is the first of the largest logits; -1 if the
 *     targets are not class indices
 * @param denominator the divisor of a mean, as {@link LossOutputs#denominator}
 */
public record LossResult(
    double loss,
    Tensor losses,
    double sum,
    long rows,
    long validRows,
    long correctRows,
    double denominator) {
  /** Creates a result of these numbers. */
  public LossResult {
    NullChecks.require(losses, "losses", "a tensor");
  }

  /** Runs a call whose rows are along an axis. */
  static LossResult ofRows(LossCall call, int axis, Tensor logits, Tensor targets) {
    View given = (View) logits;
    boolean counts = targets.type().isInteger();
    return of(call, given, Dimensions.rowsShape(given, axis), counts);
  }

  /** Runs a call in which every element is a row. */
  static LossResult ofElements(LossCall call, Tensor logits) {
    View given = (View) logits;
    Types.requireLead("logits", given);
    return of(call, given, given.shape, false);
  }

  private static LossResult of(LossCall call, View logits, long[] shape, boolean counts) {
    Tensor losses = Tensor.allocate(DType.of(LogitsOperation.typeOfValues(logits)), shape);
    LossOutputs outputs = LossOutputs.create().losses(losses).countCorrect(counts);
    double loss = call.outputs(outputs).run();
    return new LossResult(
        loss,
        losses,
        outputs.sum(),
        outputs.rows(),
        outputs.validRows(),
        counts ? outputs.correctRows() : -1,
        outputs.denominator());
  }
}
