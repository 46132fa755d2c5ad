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
      long perRow = Chunks.of(call.classes);
      call.chunks(work, begin * perRow, end * perRow);
    }
  }

  // ---- the first pass --------------------------------------------------------------------------

  /** Of forward operations; fills what the call has of losses, log-sum-exp and hits. */
  void forward(Call call, long begin, long end, boolean shared) {
    call.reserveStates(begin, end);
    call.secondRound = false;
    each(call, begin, end, shared, forwardStates);
    finishForward(call, begin, end, 0);
    if (xent_report.again(call.report) > 0) {
      call.secondRound = true;
      each(call, begin, end, shared, forwardStates);
      finishForward(call, begin, end, 1);
    }
  }

  private void forwardStates(Call call, long row, long from, long to) {
    Failures.check(
        kernels.forwardStates(
            call.shape,
            call.options,
            row,
            row + 1,
            from,
            to,
            call.logits.segment(),
            call.targets.segment(),
            NULL,
            NULL,
            NULL,
            call.secondRound ? call.statistics : NULL,
            call.states(row),
            call.report),
        call);
  }

  private void finishForward(Call call, long begin, long end, int secondRound) {
    Failures.check(
        kernels.finish(
            call.shape,
            call.options,
            begin,
            end,
            call.states(begin),
            call.targets.segment(),
            NULL,
            NULL,
            NULL,
            secondRound,
            call.statistics,
            call.losses.segment(),
            call.logSumExp.segment(),
            call.hits.segment(),
            call.tally(),
            call.report),
        call);
  }

  /** Of the backward of softmax or log-softmax. */
  void backward(Call call, long begin, long end, boolean shared, boolean log) {
    call.reserveStates(begin, end);
    each(call, begin, end, shared, log ? logSoftmaxStates : softmaxStates);
    Failures.check(
        kernels.finish(
            call.shape,
            call.options,
            begin,
            end,
            call.states(begin),
            NULL,
            NULL,
            NULL,
            NULL,
            0,
            call.statistics,
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
            call.states(row),
            call.report),
        call);
  }
}
