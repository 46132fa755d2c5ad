// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_statistics;
import dev.xent.internal.kernels.Kernels;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Cross-entropy: which kernels run over which rows and classes. */
public final class CrossEntropyPlan {
  private final Engine engine;
  private final Kernels kernels;
  private final Options options;
  private final @Nullable Integer givenAxis;
  private final Reductions reductions;

  /**
   * @param axis of the classes, or null: 1, or 0 where there is no other
   */
  public CrossEntropyPlan(
      Engine engine, Options options, @Nullable Integer axis, Reductions reductions) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.options = options;
    this.givenAxis = axis;
    this.reductions = reductions;
  }

  /** The same with other reductions. */
  public CrossEntropyPlan with(Reductions other) {
    return new CrossEntropyPlan(engine, options, givenAxis, other);
  }

  public Reductions reductions() {
    return reductions;
  }

  /** The axis of the classes in logits of so many dimensions, as it was given or the default. */
  public int axis(int rank) {
    return LossCall.axis(givenAxis, rank);
  }

  /** The same loss of log-probabilities. */
  public NllPlan onLogProbabilities() {
    return new NllPlan(engine, options, givenAxis, reductions);
  }

  // ---- forward ---------------------------------------------------------------------------------

  /** The reduced loss, and whatever is asked for beside it. */
  public double forward(
      View logits, View targets, @Nullable View gradient, @Nullable Outputs wanted) {
    Call call = Call.current();
    Outputs outputs = wanted == null ? call.outputs : wanted;
    try {
      call.lead(call.logits, logits, axis(logits.rank()));
      boolean labels = LossCall.takeTargets(call, options, targets);
      LossCall.takeOutputs(call, reductions, gradient, outputs, labels);
      boolean few = call.keepsFewLosses();
      call.ready();
      call.options(options, 1);
      long counted = labels ? LossCall.countLabels(call, kernels) : call.rows;
      double denominator = reductions.denominator(counted);
      reductions.requireLoss(denominator);
      if (gradient != null) {
        reductions.requireGradient(denominator);
      }

      MemorySegment statistics = outputs.statisticsFor(call.rows);
      boolean zeroGradient = gradient != null && reductions.gradientIsZero(denominator);
      MemorySegment tally = few ? NULL : call.emptyTally();
      if (gradient != null && !zeroGradient) {
        call.options(options, reductions.gradientScale(denominator));
      }
      for (long piece = 0; piece < call.pieces; piece++) {
        call.enter(piece);
        forwardPiece(
            call, zeroGradient ? NULL : call.gradient.segment(), pieceOf(statistics, call), tally);
      }
      if (zeroGradient) {
        Memory.clear(gradient);
      }

      double sum = few ? call.fewLosses.sum(call.rows, kernels, call) : kernels.tallySum(tally);
      double loss = reductions.reduce(sum, denominator);
      long correct = call.hits.view == null ? -1 : Memory.sumOfBytes(call.hits.view);
      outputs.set(loss, sum, call.rows, counted, denominator, correct);
      outputs.saved(call.rows, call.classes, labels);
      return loss;
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private static MemorySegment pieceOf(MemorySegment statistics, Call call) {
    return call.pieces == 1 || statistics.byteSize() == 0
        ? statistics
        : statistics.asSlice(call.firstRow * xent_statistics.sizeof());
  }

  private void forwardPiece(
      Call call, MemorySegment gradient, MemorySegment statistics, MemorySegment tally) {
    long step = call.rowsPerKernel();
    if (step == 0) {
      forwardLongRows(call, gradient, statistics, tally);
      return;
    }
    for (long row = 0; row < call.pieceRows; row += step) {
      Failures.check(
          kernels.crossEntropyForward(
              call.shape,
              call.options,
              row,
              Math.min(row + step, call.pieceRows),
              call.logits.segment(),
              call.targets.segment(),
              call.losses.segment(),
              call.logSumExp.segment(),
              call.hits.segment(),
              gradient,
              statistics,
              tally,
              call.report),
          call);
    }
  }

  private void forwardLongRows(
      Call call, MemorySegment gradient, MemorySegment wanted, MemorySegment tally) {
    MemorySegment statistics = wanted.byteSize() == 0 ? call.statistics() : wanted;
    for (long row = 0; row < call.pieceRows; row++) {
      LongRow.forward(kernels, call, row, statistics, tally);
      if (gradient.byteSize() != 0) {
        backwardLongRow(call, row, statistics);
      }
    }
  }

  // ---- backward --------------------------------------------------------------------------------

  /** The gradient, from statistics that a forward saved. */
  public void backward(
      View logits, View targets, Outputs saved, @Nullable View upstream, View gradient) {
    Call call = Call.current();
    try {
      call.lead(call.logits, logits, axis(logits.rank()));
      boolean labels = LossCall.takeTargets(call, options, targets);
      if (upstream != null) {
        call.perRow(call.upstream, upstream);
      }
      call.whole(call.gradient, gradient);
      call.writes(call.gradient, call.logits, null);
      MemorySegment statistics = saved.statisticsOf(call, labels);
      call.ready();
      double denominator = reductions.denominator(saved.counted);
      reductions.requireGradient(denominator);
      boolean zeroGradient = reductions.gradientIsZero(denominator);
      call.options(options, zeroGradient ? 0 : reductions.gradientScale(denominator));
      if (labels) {
        LossCall.countLabels(call, kernels);
      }
      if (zeroGradient) {
        Memory.clear(gradient);
        return;
      }
      for (long piece = 0; piece < call.pieces; piece++) {
        call.enter(piece);
        backwardPiece(call, pieceOf(statistics, call));
      }
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private void backwardPiece(Call call, MemorySegment statistics) {
    long step = call.rowsPerKernel();
    for (long row = 0; row < call.pieceRows; row += Math.max(step, 1)) {
      if (step == 0) {
        backwardLongRow(call, row, statistics);
      } else {
        long end = Math.min(row + step, call.pieceRows);
        backwardKernel(call, row, end, 0, call.classes, statistics);
      }
    }
  }

  private void backwardLongRow(Call call, long row, MemorySegment statistics) {
    for (long from = 0; from < call.classes; from += Call.HEAP_ELEMENTS) {
      backwardKernel(call, row, row + 1, from, LongRow.end(from, call), statistics);
    }
  }

  private void backwardKernel(
      Call call, long row, long rowEnd, long from, long to, MemorySegment statistics) {
    Failures.check(
        kernels.crossEntropyBackward(
            call.shape,
            call.options,
            row,
            rowEnd,
            from,
            to,
            call.logits.segment(),
            call.targets.segment(),
            statistics,
            call.upstream.segment(),
            call.gradient.segment(),
            call.report),
        call);
  }
}
