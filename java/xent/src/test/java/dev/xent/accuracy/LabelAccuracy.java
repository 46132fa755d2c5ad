// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static dev.xent.accuracy.Measures.FAINT;
import static dev.xent.accuracy.Measures.LOST;
import static dev.xent.accuracy.Measures.error;
import static dev.xent.accuracy.Measures.isNormal;
import static dev.xent.accuracy.Measures.ulp;

/**
 * Measures the cross-entropy of labels without smoothing: every digit counts, also of tiny losses.
 */
final class LabelAccuracy {
  private final Operations operations;
  private final Measure loss;
  private final Measure faintLoss;
  private final Measure belowZero;
  private final Measure gradient;
  private final Measure labelGradient;
  private final Measure faintGradient;
  private final Measure logSumExp;

  LabelAccuracy(Operations operations, Measures measures) {
    this.operations = operations;
    loss = measures.add("loss, label", "relative", Limits.LABEL);
    faintLoss = measures.add("loss, label, faint", "loss + classes 2^-134", Limits.LABEL);
    belowZero = measures.add("loss, label, below 0", "absolute", 0);
    gradient = measures.add("gradient, label, other classes", "relative", Limits.GRADIENT);
    labelGradient = measures.add("gradient, label, its class", "relative", Limits.LABEL);
    faintGradient =
        measures.add("gradient, label, faint", "scale (p + 2^-134 each)", Limits.GRADIENT);
    logSumExp = measures.add("log-sum-exp of a loss", "3.1e-7 + 1.5 ulp", Limits.LOG_SUM_EXP);
  }

  void take(Row row, Truth truth) {
    Operations.Loss actual = operations.crossEntropy(row.x(), row.label(), 0, row.scale());
    takeLoss(actual.loss(), row, truth);
    takeGradient(actual.gradient(), row, truth);
    double expected = truth.logSumExp().high();
    logSumExp.add(
        error(actual.logSumExp(), expected, 3.1e-7 + 1.5 * ulp(expected)), row, row.label());
  }

  private void takeLoss(float actual, Row row, Truth truth) {
    belowZero.add(Math.max(0, -actual), row, row.label());
    double expected = truth.loss(row.label()).high();
    if (isNormal(expected)) {
      boolean faint = expected < truth.classes() * FAINT;
      double size = faint ? expected + truth.classes() * LOST : expected;
      (faint ? faintLoss : loss).add(error(actual, expected, size), row, row.label());
    }
  }

  private void takeGradient(float[] actual, Row row, Truth truth) {
    for (int k = 0; k < truth.classes(); k++) {
      boolean label = k == row.label();
      double expected = label ? -truth.missing(k).high() : truth.roundedSoftmax(k);
      int summed = label ? truth.classes() : 1;
      boolean faint = Math.abs(expected) < summed * FAINT;
      double size = Math.abs(row.scale()) * (Math.abs(expected) + (faint ? summed * LOST : 0));
      if (isNormal(size)) {
        Measure measure = faint ? faintGradient : label ? labelGradient : gradient;
        measure.add(error(actual[k], row.scale() * expected, size), row, k);
      }
    }
  }
}
