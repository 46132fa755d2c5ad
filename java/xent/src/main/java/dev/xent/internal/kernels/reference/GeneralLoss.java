// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/**
 * The loss of a row of a general call: u (sum w q' (lse - x) + zeta lse^2), in double until it is
 * rounded. A term whose factor is 0 is +0, whatever the other is.
 */
final class GeneralLoss {
  private GeneralLoss() {}

  /** The loss of a row that has a target. */
  static double of(Call call, GeneralWork work) {
    GeneralStatistics row = work.statistics;
    if (row.is(Kind.NAN_ROW)) {
      return Double.NaN;
    }
    if (row.isSpecial()) {
      return 0;
    }
    double loss =
        work.row.kind == Kind.LABEL
            ? ofLabel(call, work)
            : work.fold().targetLoss(row.distance(work.arithmetic));
    double zLoss = call.options.zLoss;
    if (zLoss > 0) {
      double logSumExp = row.logSumExp(work.arithmetic);
      loss += zLoss * (logSumExp * logSumExp);
    }
    return work.arithmetic.round(work.row.weight * loss);
  }

  /** L: -log of the label's probability, clamped where that is asked for. */
  static double ofLabelAlone(Call call, GeneralWork work) {
    GeneralStatistics row = work.statistics;
    Arithmetic arithmetic = work.arithmetic;
    double others = row.sum / row.mass;
    double loss =
        others <= 1
            ? arithmetic.logOnePlus(others)
            : row.distance(arithmetic) + (row.max - work.fold().labelLogit);
    double clamp = call.options.probabilityClamp;
    if (clamp == 0) {
      return loss;
    }
    double least = -arithmetic.logOneMinus(Math.max(clamp, Double.MIN_NORMAL));
    double most = -arithmetic.log(Math.max(clamp, Double.MIN_NORMAL));
    return Math.min(Math.max(loss, least), most);
  }

  private static double ofLabel(Call call, GeneralWork work) {
    WeightedTargets targets = work.targets;
    double own = targets.ofLabel();
    double loss = ofLabelAlone(call, work);
    double kept = own == 0 ? 0 : own * loss;
    if (targets.share == 0) {
      return kept;
    }
    double even =
        targets.epsilon()
            * work.fold()
                .evenLoss(
                    work.statistics.distance(work.arithmetic),
                    targets.evenClasses,
                    targets.areWeighted());
    return own == 0 ? even : Math.fma(own, loss, even);
  }
}
