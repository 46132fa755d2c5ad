// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static org.assertj.core.api.Assertions.assertThat;

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
}
