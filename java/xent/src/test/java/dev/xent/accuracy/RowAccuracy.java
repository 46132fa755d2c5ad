// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import org.assertj.core.api.SoftAssertions;

/** Measures every result on every row that it takes. */
final class RowAccuracy {
  private final Operations operations;
  private final Measures measures = new Measures();
  private final SoftmaxAccuracy softmax;
  private final LabelAccuracy labels;
  private final TargetAccuracy smoothing;
  private final TargetAccuracy probabilities;
  private final BackwardAccuracy backward;

  RowAccuracy(Operations operations, Limits limits) {
    this.operations = operations;
    softmax = new SoftmaxAccuracy(operations, measures, limits);
    labels = new LabelAccuracy(operations, measures, limits);
    smoothing = TargetAccuracy.ofSmoothing(measures, limits);
    probabilities = TargetAccuracy.ofProbabilities(measures, limits);
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
    for (double each : new double[] {0, eps}) {
      probabilities.take(
          operations.crossEntropy(row.x(), row.q(), each, row.scale()),
          Target.probabilities(row.q(), each),
          row,
          truth);
    }
    backward.take(row);
  }

  void print(String title) {
    System.out.println(title);
    System.out.println(Measure.header());
    measures.all().forEach(System.out::println);
  }

  void assertWithinLimits() {
    SoftAssertions all = new SoftAssertions();
    measures.all().forEach(each -> all.assertThat(each.holds()).as("%s", each).isTrue());
    all.assertThat(softmax.meanUlps()).as("mean error of softmax").isLessThan(0.7);
    all.assertAll();
  }
}
