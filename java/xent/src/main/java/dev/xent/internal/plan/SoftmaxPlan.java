// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.internal.kernels.Kernels;
import java.lang.foreign.MemorySegment;

/** Softmax and log-softmax: which kernels run over which rows and classes. */
public final class SoftmaxPlan {
  private final Kernels kernels;
  private final Options options;
  private final int axis;
  private final boolean log;

  private SoftmaxPlan(Engine engine, Options options, int axis, boolean log) {
    this.kernels = engine.kernels();
    this.options = options;
    this.axis = axis;
    this.log = log;
  }

  /** {@code exp(x) / sum exp(x)}. */
  public static SoftmaxPlan softmax(Engine engine, Options options, int axis) {
    return new SoftmaxPlan(engine, options, axis, false);
  }

  /** {@code x - log sum exp(x)}. */
  public static SoftmaxPlan logSoftmax(Engine engine, Options options, int axis) {
    return new SoftmaxPlan(engine, options, axis, true);
  }

  // ---- forward ---------------------------------------------------------------------------------

  /** Writes y. */
  public void forward(View logits, View output) {
    Call call = Call.current();
    try {
      call.lead(call.logits, logits, axis);
      call.whole(call.output, output);
      call.writes(call.output, call.logits, null);
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
      forwardLongRows(call);
      return;
    }
    for (long row = 0; row < call.pieceRows; row += step) {
      long end = Math.min(row + step, call.pieceRows);
      forwardKernel(call, row, end, 0, call.classes, MemorySegment.NULL);
    }
  }

  private void forwardLongRows(Call call) {
    MemorySegment statistics = call.statistics();
    for (long row = 0; row < call.pieceRows; row++) {
      LongRow.forward(kernels, call, row, statistics, MemorySegment.NULL);
      for (long from = 0; from < call.classes; from += Call.HEAP_ELEMENTS) {
        forwardKernel(call, row, row + 1, from, LongRow.end(from, call), statistics);
      }
    }
  }

  private void forwardKernel(
      Call call, long row, long rowEnd, long from, long to, MemorySegment statistics) {
    MemorySegment x = call.logits.segment();
    MemorySegment y = call.output.segment();
    int status =
        log
            ? kernels.logSoftmaxForward(
                call.shape, call.options, row, rowEnd, from, to, x, statistics, y, call.report)
            : kernels.softmaxForward(
                call.shape, call.options, row, rowEnd, from, to, x, statistics, y, call.report);
    Failures.check(status, call);
  }

  // ---- backward --------------------------------------------------------------------------------

  /** Writes dx. */
  public void backward(View output, View upstream, View gradient) {
    Call call = Call.current();
    try {
      call.lead(call.output, output, axis);
      call.whole(call.upstream, upstream);
      call.whole(call.gradient, gradient);
      call.writes(call.gradient, call.output, call.upstream);
      call.ready();
      call.options(options, 1);
      for (long piece = 0; piece < call.pieces; piece++) {
        call.enter(piece);
        backwardPiece(call);
      }
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private void backwardPiece(Call call) {
    long step = call.rowsPerKernel();
    if (step == 0) {
      backwardLongRows(call);
      return;
    }
    for (long row = 0; row < call.pieceRows; row += step) {
      long end = Math.min(row + step, call.pieceRows);
      backwardKernel(call, row, end, 0, call.classes, MemorySegment.NULL);
    }
  }

  private void backwardLongRows(Call call) {
    MemorySegment statistics = call.statistics();
    for (long row = 0; row < call.pieceRows; row++) {
      LongRow.backward(kernels, call, row, log, statistics);
      for (long from = 0; from < call.classes; from += Call.HEAP_ELEMENTS) {
        backwardKernel(call, row, row + 1, from, LongRow.end(from, call), statistics);
      }
    }
  }

  private void backwardKernel(
      Call call, long row, long rowEnd, long from, long to, MemorySegment statistics) {
    MemorySegment y = call.output.segment();
    MemorySegment dy = call.upstream.segment();
    MemorySegment dx = call.gradient.segment();
    int status =
        log
            ? kernels.logSoftmaxBackward(
                call.shape, call.options, row, rowEnd, from, to, y, dy, statistics, dx, call.report)
            : kernels.softmaxBackward(
                call.shape,
                call.options,
                row,
                rowEnd,
                from,
                to,
                y,
                dy,
                statistics,
                dx,
                call.report);
    Failures.check(status, call);
  }
}
