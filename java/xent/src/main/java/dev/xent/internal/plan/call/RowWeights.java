// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;

/** The weights of rows in calls whose kernels do not check them. */
public final class RowWeights {
  private RowWeights() {}

  /**
   * The number of rows whose weight is not 0.
   *
   * @throws OptionException for a weight that is negative or not finite
   */
  public static long count(Run run) {
    if (!run.has(Array.ROW_WEIGHTS)) {
      return run.call.dimensions.rows;
    }
    long validRows = 0;
    for (long piece = 0; piece < run.call.pieces.count; piece++) {
      run.enter(piece);
      for (long row = 0; row < run.call.pieces.rows; row++) {
        validRows += at(run, row) == 0 ? 0 : 1;
      }
    }
    return validRows;
  }

  /**
   * The exact sum of the weights, rounded once; the number of rows if the call has no weights.
   *
   * @throws OptionException for a weight that is negative or not finite
   */
  public static double sum(Run run) {
    if (!run.has(Array.ROW_WEIGHTS)) {
      return run.call.dimensions.rows;
    }
    run.emptyExactSum();
    SumBlock block = SumBlock.of(run, ElementType.F64);
    for (long piece = 0; piece < run.call.pieces.count; piece++) {
      run.enter(piece);
      for (long row = 0; row < run.call.pieces.rows; row++) {
        block.add(run, at(run, row));
      }
    }
    block.flush(run);
    double sum = run.kernels().exactSumValue(run.exactSum());
    run.dropExactSum();
    return sum;
  }

  /**
   * Whether a row of the current piece has weight 0 and targets that are class indices or sparse.
   */
  public static boolean isWeightless(Run run, long row) {
    return run.has(Array.ROW_WEIGHTS)
        && (run.call.shape.targetCount != 0 || run.call.hasLabels())
        && at(run, row) == 0;
  }

  /**
   * The weight of a row of the current piece.
   *
   * @throws OptionException if it is negative or not finite
   */
  public static double at(Run run, long row) {
    double weight = run.number(Array.ROW_WEIGHTS, row);
    if (!(weight >= 0 && weight < Double.POSITIVE_INFINITY)) {
      throw Failures.weight("rowWeights of row", run.firstRow + row, weight);
    }
    return weight;
  }
}
