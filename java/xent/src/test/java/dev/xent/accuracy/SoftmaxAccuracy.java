// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static dev.xent.accuracy.Measures.error;
import static dev.xent.accuracy.Measures.isNormal;
import static dev.xent.accuracy.Measures.ulp;

/** Measures softmax, log-softmax and log-sum-exp. */
final class SoftmaxAccuracy {
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
    logSoftmax = measures.add("log-softmax", "ulp of max(1, |y|, |x-M|)", Limits.LOG_SOFTMAX_ULPS);
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
    double expected = truth.logSumExp().high();
    float actual = operations.logSumExp(row.x());
    logSumExp.add(error(actual, expected, 3.1e-7 + 1.5 * ulp(expected)), row, 0);
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
