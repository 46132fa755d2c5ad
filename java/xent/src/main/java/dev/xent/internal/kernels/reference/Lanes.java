// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.GROUP;
import static dev.xent.internal.kernels.reference.Constants.LANES;

import java.util.Arrays;

/** The sixteen lanes of a chunk: the one order in which its terms are added. Begins at +0. */
public final class Lanes {
  private final double[] lane = new double[LANES];

  /** All +0. */
  public Lanes() {}

  /** Back to +0. */
  public void clear() {
    Arrays.fill(lane, 0.0);
  }

  /** Multiplies every lane, exactly where the factor is a power of two. */
  void scale(double factor) {
    for (int j = 0; j < LANES; j++) {
      lane[j] *= factor;
    }
  }

  /**
   * Adds a group: each lane's eight terms in float, ((0+1)+(2+3))+((4+5)+(6+7)), then to the lane.
   *
   * @param terms the group's terms; behind a shorter last group +0 up to the group's size
   */
  void addGroup(float[] terms) {
    for (int j = 0; j < LANES; j++) {
      float low = (terms[j] + terms[16 + j]) + (terms[32 + j] + terms[48 + j]);
      float high = (terms[64 + j] + terms[80 + j]) + (terms[96 + j] + terms[112 + j]);
      lane[j] += (double) (low + high);
    }
  }

  /** Adds a term of class i of the chunk to its lane. */
  public void add(int i, double term) {
    lane[i % LANES] += term;
  }

  /** Adds a product to the lane of class i of the chunk, with one rounding. */
  public void addProduct(int i, double a, double b) {
    lane[i % LANES] = Math.fma(a, b, lane[i % LANES]);
  }

  /** The sum of group sums: in float when the whole chunk of `count` classes is a single group. */
  double sumOfGroups(int count) {
    return count <= GROUP ? floatTree() : tree();
  }

  /** j takes j+8, then j+4, j+2, j+1. */
  public double tree() {
    for (int k = LANES / 2; k >= 1; k /= 2) {
      for (int j = 0; j < k; j++) {
        lane[j] += lane[j + k];
      }
    }
    return lane[0];
  }

  private double floatTree() {
    for (int k = LANES / 2; k >= 1; k /= 2) {
      for (int j = 0; j < k; j++) {
        lane[j] = (float) lane[j] + (float) lane[j + k];
      }
    }
    return lane[0];
  }
}
