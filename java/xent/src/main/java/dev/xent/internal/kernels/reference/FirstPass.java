// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

/**
 * The first pass of a forward: a row's chunks to states, and the states of a whole row to
 * statistics.
 */
final class FirstPass {
  private FirstPass() {}

  /** How many classes the chunk has that begins at `begin` in a range that ends at `end`. */
  static int chunkSize(long begin, long end) {
    return (int) Math.min(CHUNK, end - begin);
  }

  /** Leaves the state of a chunk of the input's row in the scratch. */
  static void chunk(RowInput input, long begin, int count, float shift, Scratch scratch) {
    float[] x = scratch.x;
    input.loadLogits(begin, count, shift, x);
    boolean here = input.label >= begin && input.label < begin + count;
    int label = here ? (int) (input.label - begin) : -1;
    ExponentialSum exponentials = scratch.exponentials;
    exponentials.compute(x, count, label);

    State state = scratch.state;
    state.clear(input.kind);
    state.max = exponentials.max;
    state.reference = exponentials.reference;
    state.sum = exponentials.sum;
    state.counted = count;
    if (shift != 0) {
      state.kind |= Kind.SHIFTED;
    }
    if (here) {
      state.kind |= Kind.LABEL_HERE;
      state.labelLogit = x[label];
      if (x[label] == state.max && ExponentialSum.largest(x, 0, label) < x[label]) {
        state.kind |= Kind.LABEL_FIRST_MAX;
      }
    }
    addTargets(input, begin, count, scratch);
  }

  private static void addTargets(RowInput input, long begin, int count, Scratch scratch) {
    TargetSums sums = scratch.targetSums;
    if (input.kind == Kind.LABEL && scratch.smoothing.active()) {
      sums.ofLogits(scratch.x, count);
    } else if (input.kind == Kind.PROBABILITIES) {
      input.loadProbabilities(begin, count, scratch.q);
      sums.ofProbabilities(scratch.x, scratch.q, count, scratch.smoothing);
    } else {
      return;
    }
    scratch.state.dot = sums.dot;
    scratch.state.mass = sums.mass;
  }

  /** Leaves the fold and the statistics of the input's whole row in the scratch. */
  static void row(RowInput input, Call call) {
    Fold fold = call.scratch.fold;
    fold(input, 0, call);
    float shift = fold.beyondLimit() ? fold.max : 0;
    if (shift != 0) {
      fold(input, shift, call);
    }
    fold.close(input.kind, shift, call.options.maskedIsZero(), call.scratch.statistics);
  }

  private static void fold(RowInput input, float shift, Call call) {
    long classes = call.shape.classes;
    call.scratch.fold.begin();
    for (long begin = 0; begin < classes; begin += CHUNK) {
      chunk(input, begin, chunkSize(begin, classes), shift, call.scratch);
      call.scratch.fold.add(call.scratch.state);
    }
  }
}
