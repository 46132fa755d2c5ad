// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import static dev.xent.internal.kernels.Array.DRAFT_PROBABILITIES;
import static dev.xent.internal.kernels.Array.DRAFT_TOKENS;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import java.lang.foreign.MemorySegment;

/** The draft of a row, and the probabilities with which another model drew it. */
final class Drafts {
  private final Request call;
  private long row;

  /** The class; -1 for none. */
  private long token = -1;

  /** What the weight of each kept class has beyond that of its draft probability. */
  private long[] beyond = new long[0];

  /** The weight of the draft's probability. */
  long weight;

  /** The index of the draft among the kept classes; -1 if it is not there or has the weight 0. */
  int index;

  Drafts(Request call) {
    this.call = call;
  }

  /** Reads the draft of a row. Another thread may have changed it after the check. */
  void begin(long newRow) {
    row = newRow;
    token = -1;
    MemorySegment tokens = call.given.of(DRAFT_TOKENS);
    if (has(tokens)) {
      Layout layout = call.shape.of(DRAFT_TOKENS);
      long given = ElementType.of(layout.type).getInteger(tokens, call.shape.offset(layout, row));
      token = given < call.shape.classes ? given : -1;
    }
  }

  /** Whether the row has a draft. The token may be of an earlier call if this one has no drafts. */
  boolean any() {
    return token >= 0 && has(call.given.of(DRAFT_TOKENS));
  }

  /**
   * Compares the kept classes, sorted by class, with the draft. Returns the sum of what is beyond.
   */
  long compare(Candidates kept, Weights weights) {
    if (beyond.length < kept.count) {
      beyond = new long[kept.count];
    }
    index = -1;
    weight = weightOf(token, weights.sum);
    long all = 0;
    for (int i = 0; i < kept.count; i++) {
      int clazz = kept.clazz(i);
      beyond[i] = Math.max(weights.get(i) - weightOf(clazz, weights.sum), 0);
      all += beyond[i];
      if (clazz == token && weights.get(i) > 0) {
        index = i;
      }
    }
    return all;
  }

  long beyond(int i) {
    return beyond[i];
  }

  /** The share of a sum that the draft probability of a class has, rounded to an integer. */
  private long weightOf(long clazz, long sum) {
    Layout layout = call.shape.of(DRAFT_PROBABILITIES);
    long at = call.shape.offset(layout, row) + clazz * layout.classes;
    double q = ElementType.of(layout.type).get(call.given.of(DRAFT_PROBABILITIES), at);
    if (!(q > 0)) {
      return 0;
    }
    return q >= 1 ? sum : (long) Math.rint(q * sum);
  }
}
