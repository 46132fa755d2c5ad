// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/**
 * The loss of a row: -sum q' log softmax(x), never as log-sum-exp - x, so never negative by
 * rounding.
 */
final class Loss {
  private Loss() {}

  /**
   * The loss of a row that has a target.
   *
   * @param row the row's statistics
   * @param fold the fold they came from
   */
  static float of(Statistics row, Fold fold, Smoothing smoothing, long classes) {
    if (row.is(Kind.NAN_ROW)) {
      return Float.NaN;
    }
    if (row.is(Kind.SPECIAL)) {
      return 0f;
    }
    double loss =
        (row.kind & Kind.MASK) == Kind.LABEL
            ? ofLabel(row, fold, smoothing, classes)
            : ofProbabilities(row, fold);
    return Canonical.of((float) loss);
  }

  private static double ofLabel(Statistics row, Fold fold, Smoothing smoothing, long classes) {
    double max = row.max;
    double distance = row.distance();
    double others = row.sum / row.mass;
    double loss =
        others <= 1 ? Logarithm.onePlus(others) : distance + (max - (double) fold.labelLogit);
    if (!smoothing.active()) {
      return loss;
    }
    return smoothing.mix(loss, (classes * max - fold.dot) / classes + distance);
  }

  /** Sum q' (max - x) + D sum q'. */
  private static double ofProbabilities(Statistics row, Fold fold) {
    return Math.fma(row.mass, (double) row.max, -fold.dot) + row.mass * row.distance();
  }
}
