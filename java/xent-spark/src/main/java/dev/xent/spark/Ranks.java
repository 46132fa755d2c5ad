// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.LossOutputs;
import dev.xent.Tensor;

/** How many rows of a call have their label among the k largest classes. One thread. */
final class Ranks {
  private final int k;
  private final Tensor ranks;
  private long rows;

  /**
   * Of calls of some rows.
   *
   * @param k 0 if that is not asked
   * @param most the most rows of a call
   */
  Ranks(int k, int most) {
    this.k = k;
    this.ranks = Tensor.of(new int[most]);
  }

  /** The outputs of the next call, with those that are counted. */
  LossOutputs of(int count, LossOutputs outputs) {
    rows = count;
    return k == 0 ? outputs : outputs.ranks(ranks.slice(0, 0, count));
  }

  /** How many rows of the last call have it. */
  long found() {
    long found = 0;
    for (int i = 0; k > 0 && i < rows; i++) {
      long rank = ranks.getLong(i);
      found += rank >= 0 && rank < k ? 1 : 0;
    }
    return found;
  }
}
