// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static dev.xent.accuracy.Measures.error;
import static dev.xent.accuracy.Measures.isNormal;

import dev.xent.Samples;

/**
 * Measures the backward passes of softmax and log-softmax. The truth is computed from the outputs
 * that the passes read, not from the logits.
 */
final class BackwardAccuracy {
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
