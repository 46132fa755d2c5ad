// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sum;

import static dev.xent.internal.kernels.Array.LOG_SUM_EXP;
import static dev.xent.internal.kernels.Array.SINK;
import static dev.xent.internal.kernels.Array.STATES;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;
import static dev.xent.internal.kernels.reference.math.Constants.LIMIT;
import static dev.xent.internal.kernels.reference.math.Constants.NEAR_ZERO;

import dev.xent.internal.kernels.reference.call.GivenArrays;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.load.Chunk;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.targets.Targets;

/**
 * The first pass of a forward: computes states from a row's chunks, and statistics from the states.
 */
public final class FirstPass {
  private FirstPass() {}

  /** Computes the state of a chunk of the row, in the work's state. */
  public static void chunk(RowScratch work, long begin, int count, double shift) {
    Row row = work.row;
    Chunk chunk = work.chunk;
    State state = work.state;
    chunk.load(row, begin, count, shift);
    boolean here = row.labelIsIn(begin, count);
    int label = here ? (int) (row.label - begin) : -1;
    state.begin(work.kind(), work.digest);
    state.counted = chunk.counted;
    state.max = chunk.max();
    state.reference =
        work.arithmetic.sumExponentials(chunk.x, count, label, state.max, work.chunkSum);
    state.sum = work.chunkSum.high;
    state.sumLow = work.chunkSum.low;
    if (shift != 0) {
      state.kind |= Kind.SHIFTED;
    }
    if (here) {
      state.kind |= Kind.LABEL_HERE;
      state.label = label;
      state.labelLogit = chunk.x[label];
      if (chunk.isFirst(label, state.max)) {
        state.kind |= Kind.LABEL_FIRST_MAX;
      }
    }
    work.targetSums.compute(chunk, begin, state.max);
    state.dot = work.targetSums.dot;
    state.mass = work.targetSums.mass;
    GivenArrays given = work.call.given;
    if (state.isOfSoftmax() && (has(given.of(LOG_SUM_EXP)) || has(given.of(STATES)))) {
      addForLogSumExp(work, shift);
    }
  }

  /**
   * Computes the part of the state that only log-sum-exp needs. If exponentials overflow, this is a
   * sum that shows whether the chunk has a NaN. If the result is near 0, it is the sum without the
   * first of the largest classes.
   */
  private static void addForLogSumExp(RowScratch work, double shift) {
    Arithmetic arithmetic = work.arithmetic;
    State state = work.state;
    Chunk chunk = work.chunk;
    double max = state.max;
    if (arithmetic.round(max * arithmetic.inverseHigh) > LIMIT) {
      double sum = max == Double.POSITIVE_INFINITY ? max : 0;
      state.sum = Double.isNaN(chunk.largest()) ? Double.NaN : sum;
      return;
    }
    double largest = arithmetic.exponential(max, state.reference);
    if (shift != 0
        || !(Math.abs(max * arithmetic.inverse) < NEAR_ZERO)
        || !(work.chunkSum.value() <= 2 * largest)) {
      return;
    }
    int first = chunk.first(max);
    arithmetic.sumExponentials(chunk.x, chunk.count, first, max, work.chunkSum);
    state.setOthers(work.chunkSum);
  }

  /** Computes the fold and the statistics of the whole row, in the work. */
  public static void row(RowScratch work) {
    work.targets.countClasses(work.row.countClasses());
    fold(work, 0);
    work.hit = work.fold.hit();
    double shift = work.fold.isBeyondLimit() ? work.fold.max : 0;
    if (shift != 0) {
      fold(work, shift);
    }
    close(work, shift);
  }

  private static void fold(RowScratch work, double shift) {
    work.fold.begin();
    for (long begin = 0; begin < work.row.classes; begin += CHUNK) {
      chunk(work, begin, Row.chunkSize(begin, work.row.classes), shift);
      add(work);
    }
    addSink(work, shift);
  }

  /** Folds the state in the work. */
  public static void add(RowScratch work) {
    Targets targets = work.targets;
    boolean ofLabel = work.row.kind == Kind.LABEL;
    double mass = work.state.mass;
    if (ofLabel && targets.smooth() && !targets.areWeighted()) {
      mass = targets.evenClassesOf(work.state.counted, work.state.is(Kind.LABEL_HERE));
    }
    work.fold.add(work.state, mass);
  }

  /** Adds the sink, the last term of the fold. */
  public static void addSink(RowScratch work, double shift) {
    if (has(work.call.given.of(SINK))) {
      Arithmetic arithmetic = work.arithmetic;
      double sink = work.sink(shift);
      double own = arithmetic.reference(sink);
      work.fold.addSink(sink, own, arithmetic.exponential(sink, own));
    }
  }

  /** Computes the statistics from the fold. */
  public static void close(RowScratch work, double shift) {
    Statistics row = work.statistics;
    row.digest = work.digest;
    row.take(work.fold, work.arithmetic, work.kind(), shift, work.call.options.maskedIsZero());
    if (row.isSpecial() || work.row.kind == Kind.SOFTMAX) {
      return;
    }
    work.targets.countClasses(work.fold.counted);
    row.share = work.targets.share;
    row.pull = targetMass(work);
    double zLoss = work.call.options.zLoss;
    if (zLoss > 0) {
      row.pull += 2 * zLoss * row.logSumExp(work.arithmetic);
    }
  }

  /** The sum of the targets of the row. */
  private static double targetMass(RowScratch work) {
    Targets targets = work.targets;
    if (work.row.kind != Kind.LABEL) {
      return work.statistics.mass;
    }
    if (targets.labelSumsToOne()) {
      return 1;
    }
    double own = targets.ofLabel();
    return targets.share > 0 ? own + targets.share * work.fold.mass() : own;
  }
}
