// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.util.Arrays;

/** A chunk of softmax, log-softmax and their backward passes, from the row's statistics. */
final class SoftmaxOutput {
  private SoftmaxOutput() {}

  /** y = e(x; N) 2^-30 / S; 1 where there is one class. */
  static void probabilities(
      Statistics row, long classes, float[] x, int count, float[] y, float[] z) {
    if (row.is(Kind.SPECIAL)) {
      Arrays.fill(y, 0, count, row.is(Kind.MASKED_ROW) ? 0f : Float.NaN);
    } else if (classes == 1) {
      Arrays.fill(y, 0, count, 1f);
    } else {
      float factor = (float) (Exponential.UNSCALE / row.total());
      Exponential.of(x, 0, count, row.reference, y, z);
      for (int i = 0; i < count; i++) {
        y[i] *= factor;
      }
    }
  }

  /** y = (x - max) - D, never above 0. */
  static void logarithms(Statistics row, float[] x, int count, float[] y) {
    if (row.is(Kind.SPECIAL)) {
      Arrays.fill(y, 0, count, row.is(Kind.MASKED_ROW) ? Float.NEGATIVE_INFINITY : Float.NaN);
      return;
    }
    float max = row.max;
    float minusDistance = (float) (0 - row.distance());
    for (int i = 0; i < count; i++) {
      y[i] = (x[i] - max) + minusDistance;
    }
  }

  /** dx = y (dy - sum), sum being that of dy * y. */
  static void backward(float[] y, float[] dy, int count, float sum, float[] dx) {
    for (int i = 0; i < count; i++) {
      dx[i] = Canonical.of(y[i] * (dy[i] - sum));
    }
  }

  /** dx = dy - exp(y) sum, sum being that of dy. */
  static void logBackward(float[] y, float[] dy, int count, float sum, float[] dx, float[] z) {
    Exponential.of(y, 0, count, 0, dx, z);
    for (int i = 0; i < count; i++) {
      float probability = dx[i] * (float) Exponential.UNSCALE;
      dx[i] = Canonical.of(Math.fma(-probability, sum, dy[i]));
    }
  }
}
