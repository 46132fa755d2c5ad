// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static dev.xent.accuracy.Measures.FAINT;
import static dev.xent.accuracy.Measures.LOST;
import static dev.xent.accuracy.Measures.error;
import static dev.xent.accuracy.Measures.isNormal;
import static dev.xent.accuracy.Measures.ulp;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Samples;
import org.assertj.core.api.SoftAssertions;

/** Measures every result on every row that it takes. */
final class RowAccuracy {
  private final Operations operations;
  private final Measures measures = new Measures();
  private final SoftmaxAccuracy softmax;
  private final LabelAccuracy labels;
  private final TargetAccuracy smoothing;
  private final TargetAccuracy others;
  private final TargetAccuracy weights;
  private final TargetAccuracy probabilities;
  private final BackwardAccuracy backward;

  RowAccuracy(Operations operations) {
    this.operations = operations;
    softmax = new SoftmaxAccuracy(operations, measures);
    labels = new LabelAccuracy(operations, measures);
    smoothing = TargetAccuracy.ofSmoothing(measures, "smoothing");
    others = TargetAccuracy.ofSmoothing(measures, "smoothing others");
    weights = TargetAccuracy.ofWeights(measures);
    probabilities = TargetAccuracy.ofProbabilities(measures);
    backward = new BackwardAccuracy(operations, measures);
  }

  void take(Row row) {
    Truth truth = Truth.of(row.x());
    double eps = row.smoothing();
    softmax.take(row, truth);
    labels.take(row, truth);
    smoothing.take(
        operations.crossEntropy(row.x(), row.label(), eps, row.scale()),
        Target.label(row.label(), truth.classes(), eps),
        row,
        truth);
    if (truth.classes() > 1
        && eps < 1) { // with 1 the label has no target: p - 0 has lost p's digits
      others.take(
          operations.smoothingOthers(row.x(), row.label(), eps, row.scale()),
          Target.labelOfOthers(row.label(), truth.classes(), eps),
          row,
          truth);
    }
    float[] byClass = classWeights(truth.classes());
    weights.take(
        operations.weighted(row.x(), row.label(), eps, byClass, row.scale()),
        Target.label(row.label(), truth.classes(), eps).weighted(byClass),
        row,
        truth);
    for (double each : new double[] {0, eps}) {
      probabilities.take(
          operations.crossEntropy(row.x(), row.q(), each, row.scale()),
          Target.probabilities(row.q(), each),
          row,
          truth);
    }
    backward.take(row);
  }

  /** From 1/2 to 2. */
  private static float[] classWeights(int classes) {
    float[] weights = new float[classes];
    for (int k = 0; k < classes; k++) {
      weights[k] = (float) Math.exp(Math.log(2) * Math.sin(k));
    }
    return weights;
  }

  /** The error of a log-sum-exp, divided by 3.1e-7 + 1.5 ulp. */
  private static double logSumExpError(float actual, Truth truth) {
    double expected = truth.logSumExp().high();
    return error(actual, expected, 3.1e-7 + 1.5 * ulp(expected));
  }

  void print(String title) {
    System.out.println(title);
    System.out.println(Measure.header());
    measures.all().forEach(System.out::println);
  }

  void assertWithinLimits() {
    SoftAssertions all = new SoftAssertions();
    measures.all().forEach(each -> all.assertThat(each.holds()).as("%s", each).isTrue());
    all.assertAll();
  }

  void assertEverythingMeasured() {
    assertThat(measures.all()).allMatch(Measure::isMeasured);
  }

  double meanUlps() {
    return softmax.meanUlps();
  }

  /**
   * Measures the backward passes of softmax and log-softmax. The truth is computed from the outputs
   * that the passes read, not from the logits.
   */
  static final class BackwardAccuracy {
    private final Operations operations;
    private final Measure softmax;
    private final Measure logSoftmax;

    BackwardAccuracy(Operations operations, Measures measures) {
      this.operations = operations;
      softmax = measures.add("softmax backward", "y (|dy| + sum |dy y|)", Limits.BACKWARD);
      logSoftmax = measures.add("log-softmax backward", "|dy| + exp(y) sum |dy|", Limits.BACKWARD);
    }

    void take(Row row) {
      float[] dy = Samples.logits(row.x().length, 1, row.x().length);
      takeSoftmax(row, dy);
      takeLogSoftmax(row, dy);
    }

    private void takeSoftmax(Row row, float[] dy) {
      float[] y = operations.softmax(row.x());
      float[] dx = operations.softmaxBackward(y, dy);
      double dot = 0;
      double size = 0;
      for (int k = 0; k < y.length; k++) {
        dot += (double) dy[k] * y[k];
        size += Math.abs((double) dy[k] * y[k]);
      }
      for (int k = 0; k < y.length; k++) {
        double terms = y[k] * (Math.abs(dy[k]) + size);
        if (isNormal(terms)) {
          softmax.add(error(dx[k], y[k] * (dy[k] - dot), terms), row, k);
        }
      }
    }

    private void takeLogSoftmax(Row row, float[] dy) {
      float[] y = operations.logSoftmax(row.x());
      float[] dx = operations.logSoftmaxBackward(y, dy);
      double sum = 0;
      double size = 0;
      for (float v : dy) {
        sum += v;
        size += Math.abs(v);
      }
      for (int k = 0; k < y.length; k++) {
        double p = Math.exp(y[k]);
        logSoftmax.add(error(dx[k], dy[k] - p * sum, Math.abs(dy[k]) + p * size), row, k);
      }
    }
  }

  /**
   * Measures the cross-entropy of labels without smoothing: every digit counts, also of tiny
   * losses.
   */
  static final class LabelAccuracy {
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
      logSumExp.add(logSumExpError(actual.logSumExp(), truth), row, row.label());
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

  /** Measures softmax, log-softmax and log-sum-exp. */
  static final class SoftmaxAccuracy {
    private final Operations operations;
    private final Measure softmaxUlps;
    private final Measure ordinaryUlps;
    private final Measure softmax;
    private final Measure logSoftmax;
    private final Measure aboveZero;
    private final Measure logSumExp;

    SoftmaxAccuracy(Operations operations, Measures measures) {
      this.operations = operations;
      softmaxUlps = measures.add("softmax", "ulp", Limits.SOFTMAX_ULPS);
      ordinaryUlps = measures.add("softmax, random rows", "ulp", Limits.SOFTMAX_ULPS);
      softmax = measures.add("softmax", "relative", Limits.SOFTMAX);
      logSoftmax =
          measures.add("log-softmax", "ulp of max(1, |y|, |x-M|)", Limits.LOG_SOFTMAX_ULPS);
      aboveZero = measures.add("log-softmax above 0", "absolute", 0);
      logSumExp = measures.add("log-sum-exp", "3.1e-7 + 1.5 ulp", Limits.LOG_SUM_EXP);
    }

    /** The mean error of the probabilities of random rows; in a single row it may be twice that. */
    double meanUlps() {
      return ordinaryUlps.mean();
    }

    void take(Row row, Truth truth) {
      takeSoftmax(row, truth);
      takeLogSoftmax(row, truth);
      logSumExp.add(logSumExpError(operations.logSumExp(row.x()), truth), row, 0);
    }

    private void takeSoftmax(Row row, Truth truth) {
      float[] y = operations.softmax(row.x());
      for (int k = 0; k < y.length; k++) {
        double expected = truth.roundedSoftmax(k);
        if (isNormal(expected)) {
          double ulps = error(y[k], expected, ulp(expected));
          softmaxUlps.add(ulps, row, k);
          if (row.isOrdinary()) {
            ordinaryUlps.add(ulps, row, k);
          }
          softmax.add(error(y[k], expected, expected), row, k);
        }
      }
    }

    private void takeLogSoftmax(Row row, Truth truth) {
      float[] y = operations.logSoftmax(row.x());
      for (int k = 0; k < y.length; k++) {
        double expected = truth.logSoftmax(k).high();
        if (expected >= -Float.MAX_VALUE) {
          double size = Math.max(1, Math.max(Math.abs(expected), truth.belowMax(k)));
          logSoftmax.add(error(y[k], expected, ulp(size)), row, k);
        }
        aboveZero.add(Math.max(0, y[k]), row, k);
      }
    }
  }

  /**
   * Measures the cross-entropy of smoothed labels or of probability rows against the sizes of the
   * terms that are added: if these cancel, the result keeps no relative accuracy.
   */
  static final class TargetAccuracy {
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
          measures.add(
              "gradient, label, " + what, "scale (p sum q' + q')", Limits.SMOOTHED_GRADIENT);
      return new TargetAccuracy(loss, 0, gradient, gradient);
    }

    static TargetAccuracy ofWeights(Measures measures) {
      Measure loss =
          measures.add("loss, label, weights", "sum q'(lse - x + 1)", Limits.TARGETS_LOSS);
      Measure gradient =
          measures.add(
              "gradient, label, weights", "scale (p sum q' + q')", Limits.TARGETS_GRADIENT);
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
      // The sum over a chunk is a float, of weights up to 2: an infinite one makes the loss
      // infinite.
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
          (faint ? faintGradient : gradient)
              .add(error(actual.gradient()[k], expected, size), row, k);
        }
      }
    }
  }
}
