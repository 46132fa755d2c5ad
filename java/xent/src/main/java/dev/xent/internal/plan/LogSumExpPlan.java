// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.parallel.Threads;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/** Log-sum-exp: which kernels run over which rows and classes. */
public final class LogSumExpPlan {
  private final Engine engine;
  private final Kernels kernels;
  private final Threads threads;
  private final LongRows longRows;
  private final Options options;
  private final int axis;
  private final long forward = Numbers.takeOne();
  private final RowWork forwardRows = this::forwardRows;

  public LogSumExpPlan(Engine engine, Options options, int axis) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.threads = engine.threads();
    this.longRows = new LongRows(engine);
    this.options = options;
    this.axis = axis;
  }

  /** Writes one number per row. */
  public void forward(View logits, View logSumExp) {
    Call call = Call.current();
    try {
      if (call.again.is(forward, logits, logSumExp, null)) {
        forwardKernel(call, 0, call.rows, logits.segment, logSumExp.segment);
        Reference.reachabilityFence(logits);
        Reference.reachabilityFence(logSumExp);
        return;
      }
      call.begin("log-sum-exp", engine);
      call.lead(call.logits, logits, axis);
      call.perRow(call.logSumExp, logSumExp);
      call.writes(call.logSumExp, null, null);
      call.ready();
      call.options(options, 1);
      if (call.isAlone(threads)) {
        for (long piece = 0; piece < call.pieces; piece++) {
          call.enter(piece);
          forwardRows(call, 0, call.pieceRows);
        }
        if (call.isOneShortKernel()) {
          call.again.remember(forward, logits, logSumExp, null);
        }
      } else if (call.sharesRows(threads)) {
        for (long piece = 0; piece < call.pieces; piece++) {
          call.enter(piece);
          call.reserveStatistics();
          longRows.forward(call, 0, call.pieceRows, true);
        }
      } else {
        call.crew().rows(engine, forwardRows, call.classes);
      }
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private void forwardRows(Call call, long begin, long end) {
    long step = call.rowsPerKernel();
    if (step == 0) {
      call.reserveStatistics();
      for (long row = begin; row < end && !call.isInVain(); row++) {
        longRows.forward(call, row, row + 1, false);
      }
      return;
    }
    for (long row = begin; row < end && !call.isInVain(); row += step) {
      forwardKernel(
          call, row, Math.min(row + step, end), call.logits.segment(), call.logSumExp.segment());
    }
  }

  private void forwardKernel(
      Call call, long row, long rowEnd, MemorySegment logits, MemorySegment logSumExp) {
    Failures.check(
        kernels.logSumExp(
            call.shape,
            call.options,
            row,
            rowEnd,
            logits,
            NULL,
            NULL,
            NULL,
            logSumExp,
            call.report),
        call);
  }
}
