// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Work;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/** Cross-entropy: which kernels run over which rows and classes. */
public final class CrossEntropyPlan {
  private final Engine engine;
  private final Kernels kernels;
  private final LongRows longRows;
  private final LossSpec spec;
  private final Options options;
  private final Reductions reductions;
  private final long forward = Numbers.takeOne();
  private final RowWork forwardRows = this::forwardRows;
  private final RowWork forwardShared = this::forwardShared;
  private final RowWork backwardRows = this::backwardRows;
  private final RowWork backwardShared = this::backwardShared;
  private final ChunkWork backwardRange = this::backwardRange;

  public CrossEntropyPlan(Engine engine, LossSpec spec) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.longRows = new LongRows(engine);
    this.spec = spec;
    this.options = spec.options();
    this.reductions = spec.reductions();
  }

  /** The same with another denominator. */
  public CrossEntropyPlan withDenominator(double value) {
    return new CrossEntropyPlan(engine, spec.withDenominator(value));
  }

  /** The axis of the classes. */
  public int axis() {
    return spec.axis();
  }

  /** The same loss of log-probabilities. */
  public NllPlan onLogProbabilities() {
    options.requireForLogProbabilities();
    return new NllPlan(engine, spec);
  }

  /** The same of rows of which an array has some classes. */
  public LossShardPlan onShard(long firstClass, long allClasses) {
    return new LossShardPlan(engine, spec, firstClass, allClasses);
  }

  @Override
  public String toString() {
    return spec.describe(new Described("CrossEntropy"), engine);
  }

  // ---- forward ---------------------------------------------------------------------------------

  /** The reduced loss, and whatever is asked for beside it. */
  public double forward(
      @Nullable Bound bound,
      View logits,
      View targets,
      InputViews inputs,
      @Nullable View gradient,
      @Nullable Outputs wanted) {
    Call call = Call.current(bound);
    Outputs outputs = wanted == null ? call.outputs : wanted;
    outputs.dropStatistics();
    boolean plain = inputs == InputViews.NONE && (wanted == null || wanted.wantNumbersAlone());
    try {
      if (plain && call.again.is(forward, logits, targets, gradient)) {
        return forwardAgain(call, logits, targets, gradient, wanted);
      }
      call.begin(gradient == null ? "cross-entropy" : "cross-entropy with gradient", engine);
      TargetKind kind = take(call, logits, targets, inputs);
      LossCall.takeOutputs(call, gradient, outputs, kind);
      call.keepFewLosses(outputs, logits.type);
      call.ready();
      call.options(options, options.ignoresIn(kind), 1);
      boolean allCount = LossCall.allCount(call, kind, options);
      boolean simple = plain && call.isOneKernel();
      // The kernel looks at a row's label before it writes the row: enough where there is one row.
      boolean checked =
          LossCall.needsNoCheck(call, kind) || simple && allCount && call.dimensions.rows == 1;
      double count = LossCall.count(call, checked);
      boolean gradients = gradient != null || outputs.targetGradient != null;
      LossCall.divideBy(count, call, reductions, outputs, gradients);
      if (call.writesGradient) {
        call.options(options, options.ignoresIn(kind), call.scale);
      }
      call.room.saved = outputs.statisticsFor(call.dimensions.rows);
      call.run(forwardRows, forwardShared);
      double reduced = LossCall.reduce(count, call, reductions, outputs);
      outputs.saved(call, kind, options);
      boolean whole = gradient == null || call.writesGradient;
      if (simple && kind == TargetKind.LABELS && allCount && call.hasFewLosses() && whole) {
        call.again.remember(forward, logits, targets, gradient);
      }
      return reduced;
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  /** Takes what a loss reads. */
  private TargetKind take(Call call, View logits, View targets, InputViews inputs) {
    LossCall.lead(call, call.logits, logits, spec.axis(), inputs);
    TargetKind kind = LossCall.takeTargets(call, options, targets, inputs);
    LossCall.takeInputs(call, inputs, spec.classWeights());
    return kind;
  }

  private double forwardAgain(
      Call call, View logits, View targets, @Nullable View gradient, @Nullable Outputs wanted) {
    long rows = call.dimensions.rows;
    if (rows > 1) {
      LossCall.checkTargets(call, kernels, targets.segment);
    }
    call.runAgain(
        kernels,
        Function.CROSS_ENTROPY,
        logits.segment,
        targets.segment,
        call.fewLosses.view(logits.type).segment,
        NULL,
        NULL,
        gradient == null ? NULL : gradient.segment);
    Reference.reachabilityFence(logits);
    Reference.reachabilityFence(targets);
    Reference.reachabilityFence(gradient);
    double sum = call.fewLosses.sum(logits.type, rows, kernels, call);
    double denominator = reductions.denominator(rows);
    double reduced = reductions.reduce(sum, denominator);
    if (wanted != null) {
      wanted.set(reduced, sum, rows, rows, rows, denominator, -1);
    }
    return reduced;
  }

  private void forwardRows(Call call, long begin, long end) {
    long step = call.rowsPerKernel();
    if (step == 0) {
      call.room.reserveStatistics(call.pieces);
      for (long row = begin; row < end && !call.isInVain(); row++) {
        forwardLongRows(call, row, row + 1, false);
      }
      return;
    }
    for (long row = begin; row < end && !call.isInVain(); row += step) {
      long stop = Math.min(row + step, end);
      Failures.check(kernels.run(LossCall.kernel(call, row, stop)), call);
    }
  }

  private void forwardShared(Call call, long begin, long end) {
    call.room.reserveStatistics(call.pieces);
    forwardLongRows(call, begin, end, true);
  }

  private void forwardLongRows(Call call, long begin, long end, boolean shared) {
    longRows.forward(call, begin, end, shared);
    if (call.writesGradient && call.gradient.view != null) {
      longRows.each(call, begin, end, shared, backwardRange);
    }
  }

  // ---- backward --------------------------------------------------------------------------------

  /** The gradient, from statistics that a forward saved. */
  public void backward(
      View logits,
      View targets,
      InputViews inputs,
      Outputs saved,
      @Nullable View upstream,
      View gradient) {
    Call call = Call.current();
    try {
      call.begin("cross-entropy backward", engine);
      TargetKind kind = take(call, logits, targets, inputs);
      if (upstream != null) {
        call.perRow(call.upstream, upstream);
      }
      call.whole(call.gradient, gradient);
      call.writes(call.gradient, call.logits, null);
      call.room.saved = saved.statisticsOf(call, kind, options);
      call.ready();
      boolean scaled = LossCall.scaleGradient(saved.countedWeight, call, reductions);
      call.options(options, options.ignoresIn(kind), call.scale);
      LossCall.count(call, LossCall.needsNoCheck(call, kind));
      if (!scaled) {
        Memory.clear(gradient);
        return;
      }
      call.run(backwardRows, backwardShared);
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private void backwardRows(Call call, long begin, long end) {
    call.room.statistics = call.room.savedOf(call.pieces);
    long step = call.rowsPerKernel();
    if (step == 0) {
      longRows.each(call, begin, end, false, backwardRange);
      return;
    }
    for (long row = begin; row < end && !call.isInVain(); row += step) {
      backwardKernel(call, row, Math.min(row + step, end), 0, call.dimensions.classes);
    }
  }

  private void backwardShared(Call call, long begin, long end) {
    call.room.statistics = call.room.savedOf(call.pieces);
    longRows.each(call, begin, end, true, backwardRange);
  }

  private void backwardRange(Call call, long row, long from, long to) {
    backwardKernel(call, row, row + 1, from, to);
  }

  private void backwardKernel(Call call, long row, long rowEnd, long from, long to) {
    Work work =
        call.kernel(Function.CROSS_ENTROPY_BACKWARD, row, rowEnd)
            .classes(from, to)
            .set(Array.STATISTICS, call.room.statistics);
    Failures.check(kernels.run(work), call);
  }
}
