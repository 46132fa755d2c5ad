// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.internal.kernels.Kernels;
import java.lang.foreign.MemorySegment;

/** Log-sum-exp: which kernels run over which rows and classes. */
public final class LogSumExpPlan {
  private final Kernels kernels;
  private final Options options;
  private final int axis;

  public LogSumExpPlan(Engine engine, Options options, int axis) {
    this.kernels = engine.kernels();
    this.options = options;
    this.axis = axis;
  }

  /** Writes one number per row. */
  public void forward(View logits, View logSumExp) {
    Call call = Call.current();
    try {
      call.lead(call.logits, logits, axis);
      call.perRow(call.logSumExp, logSumExp);
      call.writes(call.logSumExp, null, null);
      call.ready();
      call.options(options, 1);
      for (long piece = 0; piece < call.pieces; piece++) {
        call.enter(piece);
        forwardPiece(call);
      }
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private void forwardPiece(Call call) {
    long step = call.rowsPerKernel();
    if (step == 0) {
      MemorySegment statistics = call.statistics();
      for (long row = 0; row < call.pieceRows; row++) {
        LongRow.forward(kernels, call, row, statistics, MemorySegment.NULL);
      }
      return;
    }
    for (long row = 0; row < call.pieceRows; row += step) {
      Failures.check(
          kernels.logSumExp(
              call.shape,
              call.options,
              row,
              Math.min(row + step, call.pieceRows),
              call.logits.segment(),
              call.logSumExp.segment(),
              call.report),
          call);
    }
  }
}
