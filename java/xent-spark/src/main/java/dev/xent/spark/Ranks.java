// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.LossOutputs;
import dev.xent.Tensor;

/** Counts the rows of a call whose label is among the k largest classes. One thread. */
final class Ranks {
  private final int k;
  private final Tensor ranks;
  private long rows;

  /**
   * Creates a counter for calls of several rows.
   *
   * @param k 0 to count nothing
   * @param most the largest number of rows of a call
   */
  Ranks(int k, int most) {
    this.k = k;
    this.ranks = Tensor.of(new int[most]);
  }

  /** The outputs of the next call, with the ranks to count. */
  LossOutputs of(int count, LossOutputs outputs) {
    rows = count;
    return k == 0 ? outputs : outputs.ranks(ranks.slice(0, 0, count));
  }

  /** The number of rows of the last call whose label is among the k largest classes. */
  long found() {
    long found = 0;
    for (int i = 0; k > 0 && i < rows; i++) {
      long rank = ranks.getLong(i);
      found += rank >= 0 && rank < k ? 1 : 0;
    }
    return found;
  }
}
