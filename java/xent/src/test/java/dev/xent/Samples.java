// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Numbers to compute with, and results in plain double arithmetic to compare with. */
public final class Samples {
  private Samples() {}

  /** Normally distributed numbers; {@code spread} is their standard deviation. */
  public static float[] logits(int count, double spread, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() * spread);
    }
    return values;
  }

  /** Class indices. */
  public static int[] labels(int count, int classes, long seed) {
    return new SplittableRandom(seed).ints(count, 0, classes).toArray();
  }

  /** Rows with 1 at the label and 0 elsewhere. */
  public static float[] oneHot(int[] labels, int classes) {
    float[] rows = new float[labels.length * classes];
    for (int r = 0; r < labels.length; r++) {
      rows[r * classes + labels[r]] = 1;
    }
    return rows;
  }

  /** Rows that sum to about 1. */
  public static float[] probabilities(int rows, int classes, long seed) {
    float[] values = logits(rows * classes, 1, seed);
    for (int r = 0; r < rows; r++) {
      double[] p = softmax(row(values, r, classes));
      for (int k = 0; k < classes; k++) {
        values[r * classes + k] = (float) p[k];
      }
    }
    return values;
  }

  public static float[] row(float[] values, int row, int classes) {
    return Arrays.copyOfRange(values, row * classes, (row + 1) * classes);
  }

  public static double logSumExp(float[] x) {
    double max = Double.NEGATIVE_INFINITY;
    for (float v : x) {
      max = Math.max(max, v);
    }
    double sum = 0;
    for (float v : x) {
      sum += Math.exp(v - max);
    }
    return max + Math.log(sum);
  }

  public static double[] softmax(float[] x) {
    double lse = logSumExp(x);
    double[] y = new double[x.length];
    for (int k = 0; k < x.length; k++) {
      y[k] = Math.exp(x[k] - lse);
    }
    return y;
  }

  /** {@code - sum q log softmax(x)}. */
  public static double loss(float[] x, double[] q) {
    double lse = logSumExp(x);
    double loss = 0;
    for (int k = 0; k < x.length; k++) {
      loss += q[k] * (lse - x[k]);
    }
    return loss;
  }

  /** {@code softmax(x) * sum q - q}. */
  public static double[] gradient(float[] x, double[] q) {
    double mass = 0;
    for (double v : q) {
      mass += v;
    }
    double[] gradient = softmax(x);
    for (int k = 0; k < x.length; k++) {
      gradient[k] = gradient[k] * mass - q[k];
    }
    return gradient;
  }

  /** The distribution of a label after smoothing. */
  public static double[] smoothed(int label, int classes, double eps) {
    double[] q = new double[classes];
    Arrays.fill(q, eps / classes);
    q[label] += 1 - eps;
    return q;
  }

  /** Values as a matrix whose rows have {@code classes} classes. */
  static Tensor matrix(float[] values, int classes) {
    return Tensor.of(values, values.length / classes, classes);
  }

  /** Logits of rows, in memory of an arena. */
  static Tensor matrix(Arena arena, int rows, int classes) {
    Tensor x = Tensor.allocate(arena, DType.F32, rows, classes);
    x.copyFrom(matrix(logits(rows * classes, 3, rows), classes));
    return x;
  }

  /** The bits, so that -0 and +0 differ. */
  public static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }

  public static int[] bits(Tensor tensor) {
    return bits(tensor.toFloatArray());
  }
}
