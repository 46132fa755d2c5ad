// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import dev.xent.Backend;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;

/**
 * Every result against the truth, within what docs/numerics.md promises.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): fifty times as many rows.
 */
class AccuracyTest {
  private static final int ROUNDS = Boolean.getBoolean("xent.long") ? 50 : 1;

  @Test
  void promisesHold() {
    new AccuracyTable(Backend.AUTO).measure(1, Integer.MAX_VALUE);
  }

  /** Other tests show that both backends give the same bits; this one, that they are right. */
  @Test
  void promisesHoldOnTheReference() {
    new AccuracyTable(Backend.REFERENCE).measure(10, 10_000);
  }

  private static final class AccuracyTable {
    private final Backend backend;
    private final Operations operations;
    private final Measures measures = new Measures();
    private final SoftmaxAccuracy softmax;
    private final LabelAccuracy labels;
    private final TargetAccuracy smoothing;
    private final TargetAccuracy probabilities;
    private final BackwardAccuracy backward;

    AccuracyTable(Backend backend) {
      this.backend = backend;
      operations = new Operations(backend);
      softmax = new SoftmaxAccuracy(operations, measures);
      labels = new LabelAccuracy(operations, measures);
      smoothing = TargetAccuracy.ofSmoothing(measures);
      probabilities = TargetAccuracy.ofProbabilities(measures);
      backward = new BackwardAccuracy(operations, measures);
    }

    void measure(int every, int longest) {
      Rows.forEach(ROUNDS, every, longest, this::take);
      System.out.println("Accuracy, backend " + backend);
      System.out.println(Measure.header());
      measures.all().forEach(System.out::println);
      SoftAssertions promises = new SoftAssertions();
      measures.all().forEach(each -> promises.assertThat(each.holds()).as("%s", each).isTrue());
      promises.assertThat(softmax.meanUlpsOfSoftmax()).as("mean error of softmax").isLessThan(0.7);
      promises.assertAll();
    }

    private void take(Row row) {
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
  }
}
