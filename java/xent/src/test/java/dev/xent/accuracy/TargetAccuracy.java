// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static dev.xent.accuracy.Measures.FAINT;
import static dev.xent.accuracy.Measures.LOST;
import static dev.xent.accuracy.Measures.error;
import static dev.xent.accuracy.Measures.isNormal;

/**
 * Measures the cross-entropy of smoothed labels or of probability rows against the sizes of the
 * terms that are added: where these cancel, the result keeps no relative accuracy.
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
  static TargetAccuracy ofSmoothing(Measures measures, String what, double limit) {
    Measure loss = measures.add("loss, label, " + what, "sum q'(lse - x)", limit);
    Measure gradient = measures.add("gradient, label, " + what, "scale (p sum q' + q')", limit);
    return new TargetAccuracy(loss, 0, gradient, gradient);
  }

  /** Beside its largest class a row's other exponentials may be lost: hence the 1 in the loss. */
  static TargetAccuracy ofProbabilities(Measures measures, Limits limits) {
    return new TargetAccuracy(
        measures.add("loss, probabilities", "sum |q'|(lse - x + 1)", limits.soft()),
        1,
        measures.add("gradient, probabilities", "scale (p sum |q'| + |q'|)", limits.soft()),
        measures.add(
            "gradient, probabilities, faint", "scale (p + 2^-134) sum |q'|", limits.soft()));
  }

  void take(Operations.Loss actual, Target target, Row row, Truth truth) {
    double mass = truth.mass(target).high();
    double sizeOfMass = 0;
    double sizeOfLoss = 0;
    for (int k = 0; k < truth.classes(); k++) {
      double q = Math.abs(target.of(k).high());
      sizeOfMass += q;
      sizeOfLoss += q == 0 ? 0 : q * (truth.belowMax(k) + truth.distance() + addend);
    }
    if (sizeOfLoss == 0 || isNormal(sizeOfLoss)) {
      double expected = truth.loss(target).high();
      loss.add(error(actual.loss(), expected, sizeOfLoss), row, row.label());
    }
    double scale = Math.abs(row.scale());
    for (int k = 0; k < truth.classes(); k++) {
      double q = target.of(k).high();
      double p = truth.roundedSoftmax(k);
      boolean faint = q == 0 && p < FAINT;
      double size = scale * ((faint ? p + LOST : p) * sizeOfMass + Math.abs(q));
      if (isNormal(size)) {
        double expected = row.scale() * (p * mass - q);
        (faint ? faintGradient : gradient).add(error(actual.gradient()[k], expected, size), row, k);
      }
    }
  }
}
