// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/** Rows in parts: the states of class ranges, and what becomes of them when a row is complete. */
final class PartialRows {
  private PartialRows() {}

  /** Writes the states of the call's class range; statistics NULL: the first round. */
  static int states(
      Call call,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment statistics,
      MemorySegment states) {
    Scratch scratch = call.scratch;
    RowInput input = scratch.input;
    input.begin(call, logits, targets);
    long chunks = call.shape.chunks();
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      float shift = 0;
      if (!Addresses.isNull(statistics)) {
        scratch.statistics.load(statistics, row);
        if (!scratch.statistics.is(Kind.UNFINISHED)) {
          continue;
        }
        shift = scratch.statistics.shift;
      }
      int status = input.row(row);
      if (status != Status.OK) {
        return status;
      }
      for (long begin = call.classBegin; begin < call.classEnd; begin += CHUNK) {
        int count = FirstPass.chunkSize(begin, call.classEnd);
        if (input.ignored) {
          scratch.state.clear(Kind.LABEL);
          scratch.state.counted = count;
        } else {
          FirstPass.chunk(input, begin, count, shift, scratch);
        }
        scratch.state.store(states, (row - call.rowBegin) * chunks + begin / CHUNK);
      }
    }
    return Status.OK;
  }

  /**
   * Folds the states of whole rows and writes statistics and results.
   *
   * @param statistics also the shifts, in the second round
   */
  static int finish(
      Call call,
      MemorySegment states,
      MemorySegment targets,
      boolean secondRound,
      MemorySegment statistics,
      RowResults results) {
    Scratch scratch = call.scratch;
    scratch.input.begin(call, MemorySegment.NULL, targets);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      float shift = 0;
      if (secondRound) {
        scratch.statistics.load(statistics, row);
        if (!scratch.statistics.is(Kind.UNFINISHED)) {
          continue;
        }
        shift = scratch.statistics.shift;
      }
      int status = finishRow(call, row, states, secondRound, shift, statistics, results);
      if (status != Status.OK) {
        return status;
      }
    }
    return Status.OK;
  }

  private static int finishRow(
      Call call,
      long row,
      MemorySegment states,
      boolean secondRound,
      float shift,
      MemorySegment statistics,
      RowResults results) {
    Scratch scratch = call.scratch;
    RowInput input = scratch.input;
    long first = (row - call.rowBegin) * call.shape.chunks();
    int kind = kind(call, states, first);
    if (kind != input.kind && !(kind == Kind.BACKWARD && input.kind == Kind.SOFTMAX)) {
      return call.report.refuseRow(XentH.XENT_FIELD_STATES(), row);
    }
    if (kind == Kind.BACKWARD) {
      if (!Addresses.isNull(results.logSumExp())) {
        return call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_LOG_SUM_EXP(), 0);
      }
      addBackward(call, states, first);
      scratch.statistics.store(statistics, row);
      return Status.OK;
    }
    int status = input.row(row);
    if (status != Status.OK) {
      return status;
    }
    if (input.ignored) {
      scratch.statistics.clear(Kind.LABEL | Kind.IGNORED_ROW);
    } else if (!fit(call, states, first, secondRound)) {
      return call.report.refuseRow(XentH.XENT_FIELD_STATES(), row);
    } else {
      fold(call, states, first);
      if (!secondRound && scratch.fold.beyondLimit()) {
        scratch.statistics.clear(kind | Kind.UNFINISHED);
        scratch.statistics.shift = scratch.fold.max;
        scratch.statistics.store(statistics, row);
        call.report.again++;
        return Status.OK;
      }
      call.report.counted += kind == Kind.SOFTMAX ? 0 : 1;
      scratch.fold.close(kind, shift, call.options.maskedIsZero(), scratch.statistics);
    }
    results.write(call, row);
    return Status.OK;
  }

  /** The kind that all states of a row share, if they are of this numerics version; or 0. */
  private static int kind(Call call, MemorySegment states, long first) {
    State state = call.scratch.state;
    state.load(states, first);
    int kind = state.kind & Kind.MASK;
    for (long i = 0; i < call.shape.chunks(); i++) {
      state.load(states, first + i);
      if ((state.kind & Kind.SHARED) != (kind | Kind.VERSION)) {
        return 0;
      }
    }
    return kind;
  }

  /** Whether the states of a row are those of this round and of the input's label. */
  private static boolean fit(Call call, MemorySegment states, long first, boolean secondRound) {
    State state = call.scratch.state;
    long label = call.scratch.input.label;
    for (long i = 0; i < call.shape.chunks(); i++) {
      state.load(states, first + i);
      boolean shifted = (state.kind & Kind.SHIFTED) != 0;
      boolean here = (state.kind & Kind.LABEL_HERE) != 0;
      boolean expected = label != Labels.NONE && label / CHUNK == i;
      if (shifted != secondRound || here != expected || !Float.isFinite(state.reference)) {
        return false;
      }
    }
    return true;
  }

  private static void fold(Call call, MemorySegment states, long first) {
    Scratch scratch = call.scratch;
    scratch.fold.begin();
    for (long i = 0; i < call.shape.chunks(); i++) {
      scratch.state.load(states, first + i);
      scratch.fold.add(scratch.state);
    }
  }

  /** Backward statistics hold nothing but the sum of the chunks' sums. */
  private static void addBackward(Call call, MemorySegment states, long first) {
    Scratch scratch = call.scratch;
    scratch.statistics.clear(Kind.BACKWARD);
    for (long i = 0; i < call.shape.chunks(); i++) {
      scratch.state.load(states, first + i);
      scratch.statistics.sum += scratch.state.sum;
    }
  }
}
