// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.LOG_SUM_EXP;
import static dev.xent.internal.kernels.Array.STATES;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.results.RowResults;
import dev.xent.internal.kernels.reference.sum.Digest;
import dev.xent.internal.kernels.reference.sum.FirstPass;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.State;

/** Rows in parts: the states of class ranges, and the results from all states of a row. */
public final class PartialRows {
  private PartialRows() {}

  /** Writes the states of the call's class range; statistics are NULL in the first round. */
  public static int states(RowScratch work) {
    Request call = work.call;
    Row row = work.row;
    work.begin();
    for (long r = call.rowBegin; r < call.rowEnd; r++) {
      double shift = 0;
      if (has(call.given.of(STATISTICS))) {
        work.statistics.load(call.given.of(STATISTICS), r);
        if (!work.statistics.is(Kind.UNFINISHED)) {
          continue;
        }
        shift = work.statistics.shift;
      }
      int status = row.go(r);
      if (status != Status.OK) {
        return status;
      }
      work.targets.countClasses(row.hasMask() ? row.countClasses() : row.wholeRow);
      long first = (r - call.rowBegin) * call.shape.chunks();
      for (long begin = call.classBegin; begin < call.classEnd; begin += CHUNK) {
        int count = Row.chunkSize(begin, call.classEnd);
        if (row.ignored) {
          ignored(work, begin, count);
        } else {
          FirstPass.chunk(work, begin, count, shift);
        }
        work.state.store(call.given.of(STATES), first + begin / CHUNK);
      }
    }
    return Status.OK;
  }

  /** The state of a chunk of a row whose label is the ignore index. */
  private static void ignored(RowScratch work, long begin, int count) {
    work.chunk.load(work.row, begin, count, 0);
    work.state.begin(work.kind(), work.digest);
    work.state.counted = work.chunk.counted;
  }

  /** Folds the states of whole rows, and writes statistics and results. */
  public static int finish(RowScratch work, boolean secondRound) {
    Request call = work.call;
    work.begin();
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      double shift = 0;
      boolean hit = false;
      if (secondRound) {
        work.statistics.load(call.given.of(STATISTICS), row);
        if (!work.statistics.is(Kind.UNFINISHED)) {
          continue;
        }
        shift = work.statistics.shift;
        hit = work.statistics.is(Kind.HIT);
      }
      int status = finishRow(work, row, secondRound, shift, hit);
      if (status != Status.OK) {
        return status;
      }
    }
    return Status.OK;
  }

  private static int finishRow(
      RowScratch work, long row, boolean secondRound, double shift, boolean hit) {
    Request call = work.call;
    long first = (row - call.rowBegin) * call.shape.chunks();
    int kind = kind(work, first);
    if (kind != work.row.kind && !(kind == Kind.BACKWARD && work.row.kind == Kind.SOFTMAX)) {
      return call.report.refuseRow(Field.STATES, row);
    }
    if (kind == Kind.BACKWARD) {
      if (has(call.given.of(LOG_SUM_EXP))) {
        return call.report.refuse(Status.INVALID_ARGUMENT, Field.LOG_SUM_EXP, 0);
      }
      if (!fit(work, first, secondRound)) {
        return call.report.refuseRow(Field.STATES, row);
      }
      SoftmaxBackwardRows.finish(work, first, row);
      return Status.OK;
    }
    int status = work.row.go(row);
    if (status != Status.OK) {
      return status;
    }
    work.hit = hit;
    if (work.row.ignored) {
      work.statistics.clear(work.kind() | Kind.IGNORED_ROW, work.digest);
    } else if (!fit(work, first, secondRound)) {
      return call.report.refuseRow(Field.STATES, row);
    } else {
      fold(work, first);
      FirstPass.addSink(work, shift);
      if (!secondRound) {
        work.hit = work.fold.hit();
        if (work.fold.isBeyondLimit()) {
          askAgain(work, row);
          return Status.OK;
        }
      }
      call.report.validRows += kind == Kind.SOFTMAX ? 0 : 1;
      FirstPass.close(work, shift);
    }
    RowResults.write(work, row);
    return Status.OK;
  }

  /** Requests the row's states again, computed from x minus the maximum. */
  private static void askAgain(RowScratch work, long row) {
    int kind = work.kind() | Kind.UNFINISHED | (work.hit ? Kind.HIT : 0);
    work.statistics.clear(kind, work.digest);
    work.statistics.shift = work.fold.max;
    work.statistics.store(work.call.given.of(STATISTICS), row);
    work.call.report.again++;
  }

  /** The kind that all states of a row share, if they belong to such a call; otherwise 0. */
  private static int kind(RowScratch work, long first) {
    State state = work.state;
    state.load(work.call.given.of(STATES), first);
    int kind = state.kind & Kind.MASK;
    int expected = work.kind(kind) | Kind.VERSION;
    int digest = kind == Kind.BACKWARD ? Digest.ofBackward(state) : work.digest;
    for (long i = 0; i < work.call.shape.chunks(); i++) {
      state.load(work.call.given.of(STATES), first + i);
      if ((state.kind & Kind.SHARED) != expected || state.digest != digest) {
        return 0;
      }
    }
    return kind;
  }

  /** Whether the states of a row match this round and the row's label. */
  private static boolean fit(RowScratch work, long first, boolean secondRound) {
    State state = work.state;
    Row row = work.row;
    for (long i = 0; i < work.call.shape.chunks(); i++) {
      state.load(work.call.given.of(STATES), first + i);
      boolean here = row.labelIsIn(i * CHUNK, CHUNK);
      int label = here ? (int) (row.label - i * CHUNK) : State.NO_LABEL;
      if (state.is(Kind.SHIFTED) != secondRound
          || state.is(Kind.LABEL_HERE) != here
          || state.label != label
          || !Double.isFinite(state.reference)) {
        return false;
      }
    }
    return true;
  }

  private static void fold(RowScratch work, long first) {
    work.fold.begin();
    for (long i = 0; i < work.call.shape.chunks(); i++) {
      work.state.load(work.call.given.of(STATES), first + i);
      FirstPass.add(work);
    }
  }
}
