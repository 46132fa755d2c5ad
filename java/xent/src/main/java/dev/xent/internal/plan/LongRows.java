// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Kernels;
import java.lang.foreign.MemorySegment;

/**
 * Rows that are worked on in class ranges: those of Java arrays that are too long for one kernel
 * call, and those that several threads share. States of all ranges come first, then the statistics,
 * then the pass that writes.
 */
final class LongRows {
  private final Engine engine;
  private final Kernels kernels;
  private final ChunkWork forwardStates = this::forwardStates;
  private final ChunkWork softmaxStates = this::softmaxStates;
  private final ChunkWork logSoftmaxStates = this::logSoftmaxStates;

  LongRows(Engine engine) {
    this.engine = engine;
    this.kernels = engine.kernels();
  }

  /** The work on all class ranges of some rows: of all rows of the piece when it is shared. */
  void each(Call call, long begin, long end, boolean shared, ChunkWork work) {
    if (shared) {
      call.crew().chunks(engine, work);
    } else {
      long perRow = Chunks.of(call.dimensions.classes);
      call.chunks(work, begin * perRow, end * perRow);
    }
  }

  // ---- the first pass --------------------------------------------------------------------------

  /** Of forward operations; fills what the call has of losses, log-sum-exp and hits. */
  void forward(Call call, long begin, long end, boolean shared) {
    call.room.reserveStates(begin, end, call.dimensions.classes);
    call.room.secondRound = false;
    each(call, begin, end, shared, forwardStates);
    finishForward(call, begin, end, 0);
    if (xent_report.unfinished(call.report) > 0) {
      call.room.secondRound = true;
      each(call, begin, end, shared, forwardStates);
      finishForward(call, begin, end, 1);
    }
  }

  /** The states of some rows, or of those that need a second round, into the room of the call. */
  void states(Call call, long rows, boolean shared) {
    each(call, 0, rows, shared, forwardStates);
  }

  private void forwardStates(Call call, long row, long from, long to) {
    // These states are made without row weights: what a row without weight names need be no class.
    WeightlessRow weightless = RowWeights.isWeightless(call, row) ? call.weightlessRow(row) : null;
    Failures.check(
        kernels.forwardStates(
            weightless == null ? call.shape : weightless.shape,
            weightless == null ? call.options : weightless.options,
            row,
            row + 1,
            from,
            to,
            call.logits.segment(),
            call.targets.segment(),
            call.targetWeights.segment(),
            call.classMask.segment(),
            call.classWeights.segment(),
            call.room.secondRound ? call.room.statistics : NULL,
            call.room.states(row, call.dimensions.classes),
            call.report),
        call);
  }

  /** Results of rows whose states are there. */
  void finishForward(Call call, long begin, long end, int secondRound) {
    Failures.check(
        kernels.finish(
            call.shape,
            call.options,
            begin,
            end,
            call.room.states(begin, call.dimensions.classes),
            call.targets.segment(),
            call.classWeights.segment(),
            call.rowWeights.segment(),
            call.sink.segment(),
            secondRound,
            call.room.statistics,
            call.losses.segment(),
            call.logSumExp.segment(),
            call.hits.segment(),
            call.tally(),
            call.report),
        call);
  }

  /** Of the backward of softmax or log-softmax. */
  void backward(Call call, long begin, long end, boolean shared, boolean log) {
    call.room.reserveStates(begin, end, call.dimensions.classes);
    each(call, begin, end, shared, log ? logSoftmaxStates : softmaxStates);
    Failures.check(
        kernels.finish(
            call.shape,
            call.options,
            begin,
            end,
            call.room.states(begin, call.dimensions.classes),
            NULL,
            NULL,
            NULL,
            NULL,
            0,
            call.room.statistics,
            NULL,
            NULL,
            NULL,
            NULL,
            call.report),
        call);
  }

  private void softmaxStates(Call call, long row, long from, long to) {
    backwardStates(call, row, from, to, call.output.segment());
  }

  private void logSoftmaxStates(Call call, long row, long from, long to) {
    backwardStates(call, row, from, to, NULL);
  }

  private void backwardStates(Call call, long row, long from, long to, MemorySegment output) {
    Failures.check(
        kernels.backwardStates(
            call.shape,
            call.options,
            row,
            row + 1,
            from,
            to,
            output,
            call.upstream.segment(),
            call.classMask.segment(),
            call.room.states(row, call.dimensions.classes),
            call.report),
        call);
  }
}
