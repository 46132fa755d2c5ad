// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.results;

import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Float64;
import dev.xent.internal.kernels.reference.math.Fma;
import dev.xent.internal.kernels.reference.math.Pair;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.Statistics;
import dev.xent.internal.kernels.reference.targets.Targets;

/**
 * The loss of a row: u (sum t (lse - x) + zeta lse^2), in double until the final rounding. A term
 * whose factor is 0 is +0, even if the other factor is not finite.
 */
public final class RowLoss {
  private RowLoss() {}

  /** The loss of a row that has a target. */
  static double of(RowScratch work) {
    Statistics row = work.statistics;
    if (row.isSpecial()) {
      return row.special(0);
    }
    Arithmetic arithmetic = work.arithmetic;
    double loss =
        work.row.kind == Kind.LABEL
            ? ofLabel(work)
            : work.call.options.probabilityClamp > 0
                ? sumOfClamped(work)
                : arithmetic.plusProduct(dot(work), work.fold.mass(), row.distance(arithmetic));
    double zLoss = work.call.options.zLoss;
    if (zLoss > 0) {
      double logSumExp = row.logSumExp(arithmetic);
      loss += zLoss * (logSumExp * logSumExp);
    }
    return arithmetic.round(work.row.weight * loss);
  }

  /** Sum of target and (max - logit) / temperature. */
  private static double dot(RowScratch work) {
    return work.fold.dot() * work.arithmetic.inverse;
  }

  /**
   * The factor of the gradient of a focal loss: (1 - p)^gamma (1 + gamma p L / (1 - p)); 0 if 1 - p
   * is 0.
   */
  static double focus(RowScratch work) {
    double m = wrong(work);
    double p = work.statistics.mass / work.statistics.total() * work.call.options.focalGamma;
    double ratio = p == 0 ? 0 : ofLabelAlone(work) / m;
    return m < Double.MIN_NORMAL ? 0 : focalPower(work, m) * Fma.fma(p, ratio, 1);
  }

  /** 1 - p of the label. */
  private static double wrong(RowScratch work) {
    return work.statistics.sum / work.statistics.total();
  }

  private static double focalPower(RowScratch work, double m) {
    return Float64.plainExponential(work.arithmetic.log(m) * work.call.options.focalGamma);
  }

  /** L: -log of the label's probability, clamped if the call has a probability clamp. */
  static double ofLabelAlone(RowScratch work) {
    Statistics row = work.statistics;
    Arithmetic arithmetic = work.arithmetic;
    double others = row.sum / row.mass;
    double loss =
        others <= 1
            ? arithmetic.logOnePlus(others)
            : arithmetic.plusProduct(
                row.distance(arithmetic), row.max - work.fold.labelLogit, arithmetic.inverse);
    return work.call.options.probabilityClamp == 0 ? loss : clamped(work, loss);
  }

  /** The -log of a probability that is clamped to [d, 1 - d]. */
  private static double clamped(RowScratch work, double loss) {
    Arithmetic arithmetic = work.arithmetic;
    double clamp = Math.max(work.call.options.probabilityClamp, Double.MIN_NORMAL);
    return Math.min(Math.max(loss, -arithmetic.logOneMinus(clamp)), -arithmetic.log(clamp));
  }

  /**
   * The sum over the targets of t min(max(-log p, least), most). It cannot be computed from the
   * other sums, so the row is read again.
   */
  private static double sumOfClamped(RowScratch work) {
    Pair sum = work.rowSum;
    sum.clear();
    if (work.row.sparse) {
      for (long j = 0; j < work.row.entries(); j++) {
        long clazz = work.row.entryClass(j);
        if (clazz != Row.NO_LABEL) {
          work.chunk.load(work.row, clazz, 1, work.statistics.shift);
          addClamped(work, work.targets.ofEntry(work.row.entryWeight(j), clazz), 0);
        }
      }
      return sum.value();
    }
    for (long begin = 0; begin < work.row.classes; begin += CHUNK) {
      work.chunk.load(
          work.row, begin, Row.chunkSize(begin, work.row.classes), work.statistics.shift);
      work.targets.loadDense(work.chunk, begin, work.terms, work.y);
      for (int i = 0; i < work.chunk.count; i++) {
        addClamped(work, work.terms[i], i);
      }
    }
    return sum.value();
  }

  private static void addClamped(RowScratch work, double target, int i) {
    if (target != 0) {
      Arithmetic arithmetic = work.arithmetic;
      Statistics row = work.statistics;
      double below = row.max - work.chunk.x[i];
      double loss = arithmetic.plusProduct(row.distance(arithmetic), below, arithmetic.inverse);
      work.rowSum.add(target * clamped(work, loss));
    }
  }

  private static double ofLabel(RowScratch work) {
    Targets targets = work.targets;
    double own = targets.ofLabel();
    double loss = ofLabelAlone(work);
    if (work.call.options.focalGamma > 0) {
      double m = wrong(work);
      return m < Double.MIN_NORMAL ? 0 * loss : focalPower(work, m) * (own == 0 ? 0 : own * loss);
    }
    if (targets.share == 0) {
      return own == 0 ? 0 : own * loss;
    }
    double even = targets.epsilon * evenLoss(work);
    return own == 0 ? even : Fma.fma(own, loss, even);
  }

  /** The mean of weight times (lse - x) over the even set. */
  private static double evenLoss(RowScratch work) {
    Targets targets = work.targets;
    Arithmetic arithmetic = work.arithmetic;
    double classes = targets.evenClasses;
    double distance = work.statistics.distance(arithmetic);
    if (targets.areWeighted()) {
      return arithmetic.plusProduct(dot(work), work.fold.mass(), distance) / classes;
    }
    double mean =
        arithmetic.wide ? dot(work) / classes : work.fold.dot() / classes * arithmetic.inverse;
    return mean + distance;
  }
}
