// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.results;

import static dev.xent.internal.kernels.Array.CORRECT;
import static dev.xent.internal.kernels.Array.EXACT_SUM;
import static dev.xent.internal.kernels.Array.LOG_PROBABILITIES;
import static dev.xent.internal.kernels.Array.LOG_SUM_EXP;
import static dev.xent.internal.kernels.Array.LOSSES;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.NEAR_ZERO;

import dev.xent.internal.kernels.reference.call.GivenArrays;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Shape;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.Statistics;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Results per row; arrays of results that are not requested are NULL. */
public final class RowResults {
  private RowResults() {}

  /** Writes the results that depend on the statistics, the fold and the hit in the work. */
  public static void write(RowScratch work, long row) {
    GivenArrays given = work.call.given;
    Shape shape = work.call.shape;
    Statistics statistics = work.statistics;
    if (work.call.options.scalesGradients()
        && work.row.kind == Kind.LABEL
        && !statistics.isSpecial()) {
      statistics.share = RowLoss.focus(work);
    }
    if (has(given.of(LOSSES)) || has(given.of(EXACT_SUM))) {
      double loss = RowLoss.of(work);
      work.row.storeNumber(loss, given.of(LOSSES), shape.of(LOSSES));
      addLoss(work, given.of(EXACT_SUM), loss);
    }
    work.row.storeNumber(logSumExp(work), given.of(LOG_SUM_EXP), shape.of(LOG_SUM_EXP));
    if (has(given.of(LOG_PROBABILITIES))) {
      work.row.storeNumber(
          logProbability(work), given.of(LOG_PROBABILITIES), shape.of(LOG_PROBABILITIES));
    }
    if (has(given.of(CORRECT))) {
      boolean hit = !statistics.isSpecial() && work.hit;
      given
          .of(CORRECT)
          .set(ValueLayout.JAVA_BYTE, shape.offset(shape.of(CORRECT), row), (byte) (hit ? 1 : 0));
    }
    if (has(given.of(STATISTICS))) {
      statistics.store(given.of(STATISTICS), row - work.call.firstStatistics);
    }
  }

  private static void addLoss(RowScratch work, MemorySegment exactSum, double loss) {
    if (has(exactSum) && work.arithmetic.wide) {
      ExactSums.add(exactSum, loss);
    } else if (has(exactSum)) {
      ExactSums.add(exactSum, (float) loss);
    }
  }

  /**
   * The log-sum-exp of a row. Without targets, a row with +infinity has +infinity, unless a logit
   * is NaN; and a result near 0 is computed from a sum without the largest term, to keep its
   * digits.
   */
  public static double logSumExp(RowScratch work) {
    Statistics row = work.statistics;
    Arithmetic arithmetic = work.arithmetic;
    boolean alone = work.row.kind == Kind.SOFTMAX;
    if (row.isSpecial()) {
      double sum = work.fold.sum();
      boolean infinite = sum == Double.POSITIVE_INFINITY && work.fold.max == sum;
      return alone && infinite && row.is(Kind.NAN_ROW) ? sum : logarithmOfSpecial(row);
    }
    double distance = row.distance(arithmetic);
    double size = Math.abs(row.max * arithmetic.inverse) + distance;
    if (alone && row.shift == 0 && size < NEAR_ZERO) {
      distance = arithmetic.logOnePlus(work.fold.others() / row.largestTerm(arithmetic));
    }
    return arithmetic.round(arithmetic.logSumExp(row.shift, row.max, distance));
  }

  /** A logarithm of a special row: -infinity if the row is fully masked. */
  private static double logarithmOfSpecial(Statistics row) {
    return row.is(Kind.MASKED_ROW) ? Double.NEGATIVE_INFINITY : Double.NaN;
  }

  /** log p of the label. */
  public static double logProbability(RowScratch work) {
    Statistics row = work.statistics;
    return row.isSpecial() || work.row.kind != Kind.LABEL
        ? logarithmOfSpecial(row)
        : work.arithmetic.round(0 - RowLoss.ofLabelAlone(work));
  }
}
