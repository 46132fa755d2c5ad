// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.LANES;

/** The sixteen lanes of a chunk in float64 arithmetic: each knows what its additions have lost. */
final class PairLanes {
  private final Pair[] lane = new Pair[LANES];

  PairLanes() {
    for (int j = 0; j < LANES; j++) {
      lane[j] = new Pair();
    }
  }

  void clear() {
    for (Pair pair : lane) {
      pair.clear();
    }
  }

  void scale(double factor) {
    for (Pair pair : lane) {
      pair.scale(factor);
    }
  }

  /** Adds a term of class i of the chunk. */
  void add(int i, double term) {
    lane[i % LANES].add(term);
  }

  /**
   * Adds a group: each lane's eight terms as ((0+1)+(2+3))+((4+5)+(6+7)), then to its pair.
   *
   * @param terms the group's terms; behind a shorter last group +0 up to the group's size
   */
  void addGroup(double[] terms) {
    for (int j = 0; j < LANES; j++) {
      double low = (terms[j] + terms[16 + j]) + (terms[32 + j] + terms[48 + j]);
      double high = (terms[64 + j] + terms[80 + j]) + (terms[96 + j] + terms[112 + j]);
      lane[j].add(low + high);
    }
  }

  /** j takes j+8, then j+4, j+2, j+1. */
  Pair tree() {
    for (int k = LANES / 2; k >= 1; k /= 2) {
      for (int j = 0; j < k; j++) {
        lane[j].add(lane[j + k]);
      }
    }
    return lane[0];
  }
}
