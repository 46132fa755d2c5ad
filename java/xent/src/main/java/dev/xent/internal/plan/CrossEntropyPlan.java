// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.parallel.Threads;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/** Cross-entropy: which kernels run over which rows and classes. */
public final class CrossEntropyPlan {
  private final Engine engine;
  private final Kernels kernels;
  private final Threads threads;
  private final LongRows longRows;
  private final Options options;
  private final @Nullable Integer givenAxis;
  private final Reductions reductions;
  private final long forward = Numbers.takeOne();
  private final RowWork forwardRows = this::forwardRows;
  private final RowWork backwardRows = this::backwardRows;
  private final ChunkWork backwardRange = this::backwardRange;

  /**
   * @param axis of the classes, or null: 1, or 0 where there is no other
   */
  public CrossEntropyPlan(
      Engine engine, Options options, @Nullable Integer axis, Reductions reductions) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.threads = engine.threads();
    this.longRows = new LongRows(engine);
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
      if (wanted == null && call.again.is(forward, logits, targets, gradient)) {
        return forwardAgain(call, logits, targets, gradient);
      }
      call.begin(gradient == null ? "cross-entropy" : "cross-entropy with gradient", engine);
      call.lead(call.logits, logits, axis(logits.rank()));
      boolean labels = LossCall.takeTargets(call, options, targets);
      LossCall.takeOutputs(call, reductions, gradient, outputs, labels);
      boolean few = call.keepsFewLosses();
      call.ready();
      call.options(options, 1);
      boolean allCount = !(labels && options.hasIgnoreIndex());
      boolean simple = wanted == null && call.isOneShortKernel();
      // The kernel looks at a row's label before it writes the row: enough where there is one row.
      boolean checked = !labels || simple && allCount && call.rows == 1;
      long counted = checked ? call.rows : LossCall.countLabels(call, engine);
      double denominator = reductions.denominator(counted);
      reductions.requireLoss(denominator);
      if (gradient != null) {
        reductions.requireGradient(denominator);
      }

      call.saved = outputs.statisticsFor(call.rows);
      boolean zeroGradient = gradient != null && reductions.gradientIsZero(denominator);
      if (!few) {
        call.emptyTally();
      }
      if (gradient != null && !zeroGradient) {
        call.options(options, reductions.gradientScale(denominator));
        call.writesGradient = true;
      }
      forward(call);
      if (zeroGradient) {
        Memory.clear(gradient);
      }

      double sum =
          few ? call.fewLosses.sum(call.rows, kernels, call) : kernels.tallySum(call.tally());
      double loss = reductions.reduce(sum, denominator);
      long correct = call.hits.view == null ? -1 : Memory.sumOfBytes(call.hits.view);
      outputs.set(loss, sum, call.rows, counted, denominator, correct);
      outputs.saved(call.rows, call.classes, labels);
      if (simple && labels && allCount && few && !zeroGradient) {
        call.again.remember(forward, logits, targets, gradient);
      }
      return loss;
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private double forwardAgain(Call call, View logits, View targets, @Nullable View gradient) {
    if (call.rows > 1) {
      Failures.check(
          kernels.checkTargets(
              call.shape,
              call.options,
              0,
              call.rows,
              targets.segment,
              NULL,
              NULL,
              NULL,
              NULL,
              NULL,
              NULL,
              call.report),
          call);
    }
    Failures.check(
        kernels.crossEntropyForward(
            call.shape,
            call.options,
            0,
            call.rows,
            logits.segment,
            targets.segment,
            call.fewLosses.view.segment,
            NULL,
            NULL,
            gradient == null ? NULL : gradient.segment,
            NULL,
            NULL,
            call.report),
        call);
    Reference.reachabilityFence(logits);
    Reference.reachabilityFence(targets);
    Reference.reachabilityFence(gradient);
    double sum = call.fewLosses.sum(call.rows, kernels, call);
    return reductions.reduce(sum, reductions.denominator(call.rows));
  }

  private void forward(Call call) {
    if (call.isAlone(threads)) {
      for (long piece = 0; piece < call.pieces; piece++) {
        call.enter(piece);
        forwardRows(call, 0, call.pieceRows);
      }
    } else if (call.sharesRows(threads)) {
      for (long piece = 0; piece < call.pieces; piece++) {
        call.enter(piece);
        call.reserveStatistics();
        forwardLongRows(call, 0, call.pieceRows, true);
      }
    } else {
      call.crew().rows(engine, forwardRows, call.classes);
    }
  }

  private void forwardRows(Call call, long begin, long end) {
    long step = call.rowsPerKernel();
    if (step == 0) {
      call.reserveStatistics();
      for (long row = begin; row < end && !call.isInVain(); row++) {
        forwardLongRows(call, row, row + 1, false);
      }
      return;
    }
    for (long row = begin; row < end && !call.isInVain(); row += step) {
      Failures.check(
          kernels.crossEntropyForward(
              call.shape,
              call.options,
              row,
              Math.min(row + step, end),
              call.logits.segment(),
              call.targets.segment(),
              call.losses.segment(),
              call.logSumExp.segment(),
              call.hits.segment(),
              call.writesGradient ? call.gradient.segment() : NULL,
              call.savedOfPiece(),
              call.tally(),
              call.report),
          call);
    }
  }

  private void forwardLongRows(Call call, long begin, long end, boolean shared) {
    longRows.forward(call, begin, end, shared);
    if (call.writesGradient) {
      longRows.each(call, begin, end, shared, backwardRange);
    }
  }

  // ---- backward --------------------------------------------------------------------------------

  /** The gradient, from statistics that a forward saved. */
  public void backward(
      View logits, View targets, Outputs saved, @Nullable View upstream, View gradient) {
    Call call = Call.current();
    try {
      call.begin("cross-entropy backward", engine);
      call.lead(call.logits, logits, axis(logits.rank()));
      boolean labels = LossCall.takeTargets(call, options, targets);
      if (upstream != null) {
        call.perRow(call.upstream, upstream);
      }
      call.whole(call.gradient, gradient);
      call.writes(call.gradient, call.logits, null);
      call.saved = saved.statisticsOf(call, labels);
      call.ready();
      double denominator = reductions.denominator(saved.counted);
      reductions.requireGradient(denominator);
      boolean zeroGradient = reductions.gradientIsZero(denominator);
      call.options(options, zeroGradient ? 0 : reductions.gradientScale(denominator));
      if (labels) {
        LossCall.countLabels(call, engine);
      }
      if (zeroGradient) {
        Memory.clear(gradient);
        return;
      }
      backward(call);
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private void backward(Call call) {
    if (call.isAlone(threads)) {
      for (long piece = 0; piece < call.pieces; piece++) {
        call.enter(piece);
        backwardRows(call, 0, call.pieceRows);
      }
    } else if (call.sharesRows(threads)) {
      for (long piece = 0; piece < call.pieces; piece++) {
        call.enter(piece);
        call.statistics = call.savedOfPiece();
        longRows.each(call, 0, call.pieceRows, true, backwardRange);
      }
    } else {
      call.crew().rows(engine, backwardRows, call.classes);
    }
  }

  private void backwardRows(Call call, long begin, long end) {
    call.statistics = call.savedOfPiece();
    long step = call.rowsPerKernel();
    if (step == 0) {
      longRows.each(call, begin, end, false, backwardRange);
      return;
    }
    for (long row = begin; row < end && !call.isInVain(); row += step) {
      backwardKernel(call, row, Math.min(row + step, end), 0, call.classes);
    }
  }

  private void backwardRange(Call call, long row, long from, long to) {
    backwardKernel(call, row, row + 1, from, to);
  }

  private void backwardKernel(Call call, long row, long rowEnd, long from, long to) {
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
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            call.statistics,
            call.upstream.segment(),
            call.gradient.segment(),
            call.report),
        call);
  }
}
