// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static dev.xent.accuracy.Measures.FAINT;
import static dev.xent.accuracy.Measures.LOST;
import static dev.xent.accuracy.Measures.error;
import static dev.xent.accuracy.Measures.isNormal;

/**
 * Measures the cross-entropy of smoothed labels or of probability rows against the sizes of the
 * terms that are added: if these cancel, the result keeps no relative accuracy.
 */
final class TargetAccuracy {
  private final Measure loss;
  private final double addend;
  private final Measure gradient;
  private final Measure faintGradient;

  private TargetAccuracy(Measure loss, double addend, Measure gradient, Measure faintGradient) {
    this.loss = loss;
    this.addend = addend;
    this.gradient = gradient;
    this.faintGradient = faintGradient;
  }

  /**
   * Every class has a part of the target, and so no gradient is faint.
   *
   * @param what how labels are smoothed
   */
  static TargetAccuracy ofSmoothing(Measures measures, String what) {
    Measure loss = measures.add("loss, label, " + what, "sum q'(lse - x)", Limits.SMOOTHED_LOSS);
    Measure gradient =
        measures.add("gradient, label, " + what, "scale (p sum q' + q')", Limits.SMOOTHED_GRADIENT);
    return new TargetAccuracy(loss, 0, gradient, gradient);
  }

  static TargetAccuracy ofWeights(Measures measures) {
    Measure loss = measures.add("loss, label, weights", "sum q'(lse - x + 1)", Limits.TARGETS_LOSS);
    Measure gradient =
        measures.add("gradient, label, weights", "scale (p sum q' + q')", Limits.TARGETS_GRADIENT);
    return new TargetAccuracy(loss, 1, gradient, gradient);
  }

  /** The sum may lose all exponentials of a row but the largest: hence the 1 in the loss. */
  static TargetAccuracy ofProbabilities(Measures measures) {
    double limit = Limits.TARGETS_GRADIENT;
    return new TargetAccuracy(
        measures.add("loss, probabilities", "sum |q'|(lse - x + 1)", Limits.TARGETS_LOSS),
        1,
        measures.add("gradient, probabilities", "scale (p sum |q'| + |q'|)", limit),
        measures.add("gradient, probabilities, faint", "scale (p + 2^-134) sum |q'|", limit));
  }

  void take(Operations.Loss actual, Target target, Row row, Truth truth) {
    double mass = truth.mass(target).high();
    double sizeOfMass = 0;
    double sizeOfLoss = 0;
    double sum = 0;
    for (int k = 0; k < truth.classes(); k++) {
      double q = target.size(k);
      sizeOfMass += q;
      sizeOfLoss += q == 0 ? 0 : q * (truth.belowMax(k) + truth.distance() + addend);
      sum += q == 0 ? 0 : truth.belowMax(k);
    }
    // The sum over a chunk is a float, of weights up to 2: an infinite one makes the loss infinite.
    if (sizeOfLoss == 0 || isNormal(sizeOfLoss) && 2 * sum <= Float.MAX_VALUE) {
      double expected = truth.loss(target).high();
      loss.add(error(actual.loss(), expected, sizeOfLoss), row, row.label());
    }
    double scale = Math.abs(row.scale());
    for (int k = 0; k < truth.classes(); k++) {
      double q = target.of(k).high();
      double p = truth.roundedSoftmax(k);
      boolean faint = q == 0 && p < FAINT;
      double size = scale * ((faint ? p + LOST : p) * sizeOfMass + target.size(k));
      if (isNormal(size)) {
        double expected = row.scale() * (p * mass - q);
        (faint ? faintGradient : gradient).add(error(actual.gradient()[k], expected, size), row, k);
      }
    }
  }
}
