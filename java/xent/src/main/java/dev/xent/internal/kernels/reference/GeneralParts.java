// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.CallArrays.has;
import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Status;

/** Rows of general calls in parts: states of class ranges, and what a complete row becomes. */
final class GeneralParts {
  private GeneralParts() {}

  /** Writes the states of the call's class range; statistics NULL: the first round. */
  static int states(Call call) {
    GeneralWork work = call.work().begin(call);
    GeneralRow row = work.row;
    for (long r = call.rowBegin; r < call.rowEnd; r++) {
      double shift = 0;
      if (has(call.given.statistics)) {
        work.statistics.load(call.given.statistics, r);
        if (!work.statistics.is(Kind.UNFINISHED)) {
          continue;
        }
        shift = work.statistics.shift;
      }
      int status = row.go(r);
      if (status != Status.OK) {
        return status;
      }
      if (row.kind == Kind.PROBABILITIES) {
        work.targets.countClasses(has(call.given.classMask) ? row.countClasses() : row.wholeRow);
      }
      long first = (r - call.rowBegin) * call.shape.chunks();
      for (long begin = call.classBegin; begin < call.classEnd; begin += CHUNK) {
        int count = FirstPass.chunkSize(begin, call.classEnd);
        if (row.ignored) {
          ignored(call, work, begin, count);
        } else {
          GeneralFirstPass.chunk(call, work, begin, count, shift);
        }
        work.state.store(call.given.states, first + begin / CHUNK);
      }
    }
    return Status.OK;
  }

  /** The state of a chunk of a row whose label is the ignore index. */
  private static void ignored(Call call, GeneralWork work, long begin, int count) {
    work.state.clear(Kind.LABEL | (call.wide ? Kind.WIDE : 0));
    work.state.counted = count;
  }

  /** Folds the states of whole rows and writes statistics and results. */
  static int finish(Call call, boolean secondRound) {
    GeneralWork work = call.work().begin(call);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      double shift = 0;
      boolean hit = false;
      if (secondRound) {
        work.statistics.load(call.given.statistics, row);
        if (!work.statistics.is(Kind.UNFINISHED)) {
          continue;
        }
        shift = work.statistics.shift;
        hit = work.statistics.is(Kind.HIT);
      }
      int status = finishRow(call, work, row, secondRound, shift, hit);
      if (status != Status.OK) {
        return status;
      }
    }
    return Status.OK;
  }

  private static int finishRow(
      Call call, GeneralWork work, long row, boolean secondRound, double shift, boolean hit) {
    long first = (row - call.rowBegin) * call.shape.chunks();
    int kind = kind(call, work, first);
    if (kind != work.row.kind && !(kind == Kind.BACKWARD && work.row.kind == Kind.SOFTMAX)) {
      return call.report.refuseRow(XentH.XENT_FIELD_STATES(), row);
    }
    if (kind == Kind.BACKWARD) {
      if (has(call.given.logSumExp)) {
        return call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_LOG_SUM_EXP(), 0);
      }
      GeneralSoftmaxBackward.finish(call, work, first, row);
      return Status.OK;
    }
    int status = work.row.go(row);
    if (status != Status.OK) {
      return status;
    }
    work.hit = hit;
    if (work.row.ignored) {
      work.statistics.clear(kind | Kind.IGNORED_ROW | (call.wide ? Kind.WIDE : 0));
    } else if (!fit(call, work, first, secondRound)) {
      return call.report.refuseRow(XentH.XENT_FIELD_STATES(), row);
    } else {
      fold(call, work, first);
      GeneralFirstPass.addSink(call, work, shift);
      if (!secondRound) {
        work.hit = work.fold().hit();
        if (work.fold().beyondLimit()) {
          askAgain(call, work, kind, row);
          return Status.OK;
        }
      }
      call.report.counted += kind == Kind.SOFTMAX ? 0 : 1;
      GeneralFirstPass.close(call, work, shift);
    }
    GeneralResults.write(call, work, row);
    return Status.OK;
  }

  /** The row's states are needed once more, on x less the maximum. */
  private static void askAgain(Call call, GeneralWork work, int kind, long row) {
    work.statistics.clear(
        kind | Kind.UNFINISHED | (work.hit ? Kind.HIT : 0) | (call.wide ? Kind.WIDE : 0));
    work.statistics.shift = work.fold().max;
    work.statistics.store(call.given.statistics, row);
    call.report.again++;
  }

  /** The kind that all states of a row share, if version and arithmetic are right; or 0. */
  private static int kind(Call call, GeneralWork work, long first) {
    State state = work.state;
    state.load(call.given.states, first);
    int kind = state.kind & Kind.MASK;
    int expected = kind | Kind.VERSION | (call.wide ? Kind.WIDE : 0);
    for (long i = 0; i < call.shape.chunks(); i++) {
      state.load(call.given.states, first + i);
      if ((state.kind & Kind.SHARED) != expected) {
        return 0;
      }
    }
    return kind;
  }

  /** Whether the states of a row are those of this round and of the row's label. */
  private static boolean fit(Call call, GeneralWork work, long first, boolean secondRound) {
    State state = work.state;
    for (long i = 0; i < call.shape.chunks(); i++) {
      state.load(call.given.states, first + i);
      boolean shifted = (state.kind & Kind.SHIFTED) != 0;
      boolean here = (state.kind & Kind.LABEL_HERE) != 0;
      boolean expected = work.row.hasLabel() && work.row.label / CHUNK == i;
      if (shifted != secondRound || here != expected || !Float.isFinite(state.reference)) {
        return false;
      }
    }
    return true;
  }

  private static void fold(Call call, GeneralWork work, long first) {
    work.fold().begin();
    for (long i = 0; i < call.shape.chunks(); i++) {
      work.state.load(call.given.states, first + i);
      work.fold().add(work.state, call.wide);
    }
  }
}
