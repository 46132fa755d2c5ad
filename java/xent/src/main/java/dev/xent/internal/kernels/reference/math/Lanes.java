// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static dev.xent.internal.kernels.reference.math.Constants.GROUP;
import static dev.xent.internal.kernels.reference.math.Constants.LANES;

import java.util.Arrays;

/**
 * The sixteen lanes of a chunk in float32 arithmetic, which define the order in which its terms are
 * added. A new instance is +0.
 */
public final class Lanes {
  private final double[] lane = new double[LANES];
  private final double[] last = new double[GROUP];

  /** Creates lanes of +0. */
  public Lanes() {}

  /** Resets the lanes to +0. */
  public void clear() {
    Arrays.fill(lane, 0.0);
  }

  /** Multiplies every lane. */
  void scale(double factor) {
    for (int j = 0; j < LANES; j++) {
      lane[j] *= factor;
    }
  }

  /** Adds a term of class i of the chunk to its lane. */
  public void add(int i, double term) {
    lane[i % LANES] += term;
  }

  /** Adds a product to the lane of class i of the chunk, with one rounding. */
  public void addProduct(int i, double a, double b) {
    lane[i % LANES] = Fma.fma(a, b, lane[i % LANES]);
  }

  /**
   * Adds a group of floats: each lane's eight terms in float, ((0+1)+(2+3))+((4+5)+(6+7)), then to
   * the lane. Missing terms of the last group count as +0.
   */
  void addGroup(double[] terms, int from, int count) {
    if (count <= LANES) {
      for (int j = 0; j < count; j++) {
        lane[j] += terms[from + j];
      }
    } else if (count < GROUP) {
      System.arraycopy(terms, from, last, 0, count);
      Arrays.fill(last, count, GROUP, 0);
      addGroup(last, 0);
    } else {
      addGroup(terms, from);
    }
  }

  private void addGroup(double[] v, int from) {
    for (int j = 0; j < LANES; j++) {
      int i = from + j;
      float low = ((float) v[i] + (float) v[i + 16]) + ((float) v[i + 32] + (float) v[i + 48]);
      float high =
          ((float) v[i + 64] + (float) v[i + 80]) + ((float) v[i + 96] + (float) v[i + 112]);
      lane[j] += low + high;
    }
  }

  /**
   * The sum of a chunk of {@code count} classes. Up to 16 classes are added differently from {@link
   * #tree}.
   */
  double total(int count) {
    if (count > LANES) {
      return tree();
    }
    for (int k = LANES / 2; k > 1; k /= 2) {
      for (int j = 0; j < k; j++) {
        lane[j] = (float) lane[j] + (float) lane[j + k];
      }
    }
    return lane[0] + lane[1];
  }

  /** The sum of the lanes: j adds j+8, then j+4, j+2, j+1. */
  public double tree() {
    for (int k = LANES / 2; k >= 1; k /= 2) {
      for (int j = 0; j < k; j++) {
        lane[j] += lane[j + k];
      }
    }
    return lane[0];
  }
}
