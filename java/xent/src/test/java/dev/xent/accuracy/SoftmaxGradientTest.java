// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.Samples;
import dev.xent.options.Backend;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The backward passes of softmax and log-softmax against differences of their forward passes. */
@Execution(ExecutionMode.CONCURRENT)
class SoftmaxGradientTest {
  /** Errors of float roundings, one being 2^-24 of the terms that are added. */
  private static final double ROUNDINGS = 6;

  @ParameterizedTest
  @CsvSource({
    "NATIVE, 1", "NATIVE, 2", "NATIVE, 7", "NATIVE, 33", "NATIVE, 150",
    "REFERENCE, 1", "REFERENCE, 2", "REFERENCE, 7", "REFERENCE, 33", "REFERENCE, 150"
  })
  void softmax(Backend backend, int classes) {
    float[] x = Samples.logits(classes, 3, classes);
    float[] dy = Samples.logits(classes, 1, classes + 1);
    Operations operations = new Operations(backend);
    float[] y = operations.softmax(x);
    float[] dx = operations.softmaxBackward(y, dy);
    double size = 0;
    for (int k = 0; k < classes; k++) {
      size += Math.abs(dy[k] * y[k]);
    }
    for (int k = 0; k < classes; k++) {
      double slope = Slope.of(moved -> weightedSoftmax(moved, dy), x, k);
      double terms = y[k] * (Math.abs(dy[k]) + size);
      assertThat((double) dx[k]).isCloseTo(slope, within(ROUNDINGS * 0x1p-24 * terms));
    }
  }

  private static DoubleDouble weightedSoftmax(DoubleDouble[] x, float[] weights) {
    Truth truth = Truth.of(x);
    DoubleDouble sum = DoubleDouble.ZERO;
    for (int k = 0; k < weights.length; k++) {
      sum = sum.plus(truth.softmax(k).times(weights[k]));
    }
    return sum;
  }

  @ParameterizedTest
  @CsvSource({
    "NATIVE, 1", "NATIVE, 2", "NATIVE, 7", "NATIVE, 33", "NATIVE, 150",
    "REFERENCE, 1", "REFERENCE, 2", "REFERENCE, 7", "REFERENCE, 33", "REFERENCE, 150"
  })
  void logSoftmax(Backend backend, int classes) {
    float[] x = Samples.logits(classes, 3, classes);
    float[] dy = Samples.logits(classes, 1, classes + 1);
    Operations operations = new Operations(backend);
    float[] y = operations.logSoftmax(x);
    float[] dx = operations.logSoftmaxBackward(y, dy);
    double size = 0;
    for (int k = 0; k < classes; k++) {
      size += Math.abs(dy[k]);
    }
    for (int k = 0; k < classes; k++) {
      double slope = Slope.of(moved -> weightedLogSoftmax(moved, dy), x, k);
      // An error of y is the relative error of the probability that backward makes of it.
      double terms = Math.abs(dy[k]) + Math.exp(y[k]) * size * Math.max(1, -y[k]);
      assertThat((double) dx[k]).isCloseTo(slope, within(ROUNDINGS * 0x1p-24 * terms));
    }
  }

  private static DoubleDouble weightedLogSoftmax(DoubleDouble[] x, float[] weights) {
    Truth truth = Truth.of(x);
    DoubleDouble sum = DoubleDouble.ZERO;
    for (int k = 0; k < weights.length; k++) {
      sum = sum.plus(truth.logSoftmax(k).times(weights[k]));
    }
    return sum;
  }
}
