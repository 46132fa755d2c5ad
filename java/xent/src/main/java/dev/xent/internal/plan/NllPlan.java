// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.LabelException;
import dev.xent.OptionException;
import dev.xent.internal.kernels.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * The negative log-likelihood of log-probabilities.
 *
 * <p>There is no kernel for it: with labels and no smoothing it reads one number per row, and what
 * it writes beside that is mostly zeros, so there is no arithmetic that a vector unit could speed
 * up. The backend checks the labels and adds the losses up, exactly, as for cross-entropy.
 */
public final class NllPlan {
  private final Engine engine;
  private final Kernels kernels;
  private final LossOptions loss;
  private final Options options;
  private final Reductions reductions;
  private final RowWork forwardRows = this::forwardRows;
  private final RowWork backwardRows = this::backwardRows;

  NllPlan(Engine engine, LossOptions loss, Reductions reductions) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.loss = loss;
    this.options = loss.options();
    this.reductions = reductions;
  }

  /** The same with other reductions. */
  public NllPlan with(Reductions other) {
    return new NllPlan(engine, loss, other);
  }

  public Reductions reductions() {
    return reductions;
  }

  /** The axis of the classes in tensors of so many dimensions, as it was given or the default. */
  public int axis(int rank) {
    return loss.axis(rank);
  }

  // ---- forward ---------------------------------------------------------------------------------

  /** The reduced loss, and whatever is asked for beside it. */
  public double forward(
      View logProbabilities, View targets, @Nullable View gradient, @Nullable Outputs wanted) {
    Call call = Call.current();
    Outputs outputs = wanted == null ? call.outputs : wanted;
    try {
      call.begin(gradient == null ? "nll" : "nll with gradient", engine);
      call.lead(call.logProbabilities, logProbabilities, axis(logProbabilities.rank()));
      TargetKind kind = LossCall.takeTargets(call, loss, targets, InputViews.NONE);
      outputs.refuseAllOfLogits();
      LossCall.takeOutputs(call, reductions, gradient, outputs, kind);
      boolean few = call.keepsFewLosses();
      call.ready();
      call.options(options, 1);
      boolean labels = kind == TargetKind.LABELS;
      call.counted = call.dimensions.rows;
      if (labels) {
        LossCall.countTargets(call, engine);
      }
      long counted = call.counted;
      double denominator = reductions.denominator(counted);
      reductions.requireLoss(denominator);
      if (gradient != null) {
        reductions.requireGradient(denominator);
      }

      outputs.forgetStatistics();
      boolean zeroGradient = gradient != null && reductions.gradientIsZero(denominator);
      if (gradient != null && !zeroGradient) {
        call.writesGradient = true;
        call.scale = reductions.gradientScale(denominator);
      }
      if (!few) {
        call.emptyTally();
      }
      boolean readsRows = !labels || options.labelSmoothing() != 0 || call.hits.view != null;
      each(call, forwardRows, readsRows || call.writesGradient ? call.dimensions.classes : 1);
      if (zeroGradient) {
        Memory.clear(gradient);
      }

      double sum =
          few
              ? call.fewLosses.sum(call.lead().type, call.dimensions.rows, kernels, call)
              : kernels.tallySum(call.tally());
      double reduced = reductions.reduce(sum, denominator);
      long correct = call.hits.view == null ? -1 : Memory.sumOfBytes(call.hits.view);
      outputs.set(reduced, sum, call.dimensions.rows, counted, counted, denominator, correct);
      return reduced;
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  /**
   * Works on all rows.
   *
   * @param perRow what a row costs, in elements
   */
  private void each(Call call, RowWork work, long perRow) {
    if (Crew.isAlone(engine.threads(), call.dimensions.rows * perRow)) {
      for (long piece = 0; piece < call.pieces.count; piece++) {
        call.enter(piece);
        work.run(call, 0, call.pieces.rows);
      }
    } else {
      call.crew().rows(engine, work, perRow);
    }
  }

  private void forwardRows(Call call, long begin, long end) {
    NllScratch scratch = call.nllScratch();
    prepare(call, scratch.row);
    boolean labels = call.hasLabels();
    MemorySegment tally = call.tally();
    DType summed = call.lead().type == DType.F64 ? DType.F64 : DType.F32;
    int waiting = 0;
    for (long row = begin; row < end && !call.isInVain(); row++) {
      double loss =
          labels ? labelRow(call, scratch.row, row) : probabilityRow(call, scratch.row, row);
      if (call.losses.view != null) {
        Floats.set(
            call.losses.segment(), call.losses.view.type, offset(call, call.losses, row), loss);
      }
      if (call.writesGradient) {
        gradientRow(call, scratch.row, labels, row);
      }
      if (tally.byteSize() == 0) {
        continue;
      }
      Floats.set(scratch.losses, summed, waiting++, loss);
      if (waiting == NllScratch.BLOCK || row == end - 1) {
        Failures.check(kernels.tallyAdd(tally, scratch.losses, summed.code(), 1, waiting), call);
        waiting = 0;
      }
    }
  }

  private void prepare(Call call, NllRow row) {
    row.prepare(options.labelSmoothing(), call.dimensions.classes, call.lead().type);
    row.types(call.logProbabilities, call.targets, call.gradient);
  }

  private double labelRow(Call call, NllRow row, long index) {
    long label = lawfulLabel(call, index);
    boolean ignored = isIgnored(label);
    Part logs = call.logProbabilities;
    long at = offset(call, logs, index);
    if (call.hits.view != null) {
      boolean hit = !ignored && row.hit(logs.segment(), at, logs.classes, label);
      call.hits
          .segment()
          .set(ValueLayout.JAVA_BYTE, offset(call, call.hits, index), (byte) (hit ? 1 : 0));
    }
    return ignored ? 0 : row.loss(logs.segment(), at, logs.classes, label);
  }

  private static double probabilityRow(Call call, NllRow row, long index) {
    Part logs = call.logProbabilities;
    Part targets = call.targets;
    return row.loss(
        logs.segment(),
        offset(call, logs, index),
        logs.classes,
        targets.segment(),
        offset(call, targets, index),
        targets.classes);
  }

  // ---- backward --------------------------------------------------------------------------------

  /** The gradient alone, which depends on the targets and on no log-probability. */
  public void backward(View targets, @Nullable View upstream, View gradient, Outputs saved) {
    Call call = Call.current();
    try {
      call.begin("nll backward", engine);
      call.lead(call.gradient, gradient, axis(gradient.rank()));
      boolean labels =
          LossCall.takeTargets(call, loss, targets, InputViews.NONE) == TargetKind.LABELS;
      if (upstream != null) {
        call.perRow(call.upstream, upstream);
      }
      call.writes(call.gradient, null, null);
      requireSameRows(call, saved);
      call.ready();
      double denominator = reductions.denominator(saved.counted);
      reductions.requireGradient(denominator);
      if (labels) {
        call.options(options, 1);
        LossCall.countTargets(call, engine);
      }
      if (reductions.gradientIsZero(denominator)) {
        Memory.clear(gradient);
        return;
      }
      call.scale = reductions.gradientScale(denominator);
      each(call, backwardRows, call.dimensions.classes);
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private void backwardRows(Call call, long begin, long end) {
    NllRow row = call.nllScratch().row;
    prepare(call, row);
    boolean labels = call.hasLabels();
    for (long index = begin; index < end && !call.isInVain(); index++) {
      gradientRow(call, row, labels, index);
    }
  }

  private static void requireSameRows(Call call, Outputs saved) {
    if (saved.rows != call.dimensions.rows) {
      throw new OptionException(
          "the outcome is of a forward over %d rows, backward was given %d: give it the outcome of the forward over these targets"
              .formatted(saved.rows, call.dimensions.rows));
    }
  }

  private void gradientRow(Call call, NllRow row, boolean labels, long index) {
    Part gradient = call.gradient;
    long at = offset(call, gradient, index);
    double rowScale = call.upstream.view == null ? call.scale : call.scale * upstream(call, index);
    if (!labels) {
      Part targets = call.targets;
      row.gradient(
          gradient.segment(),
          at,
          gradient.classes,
          targets.segment(),
          offset(call, targets, index),
          targets.classes,
          rowScale);
      return;
    }
    long label = lawfulLabel(call, index);
    if (isIgnored(label)) {
      row.noGradient(gradient.segment(), at, gradient.classes);
    } else {
      row.gradient(gradient.segment(), at, gradient.classes, label, rowScale);
    }
  }

  private static double upstream(Call call, long row) {
    Part upstream = call.upstream;
    return Floats.get(upstream.segment(), upstream.view.type, offset(call, upstream, row));
  }

  // ---- rows ------------------------------------------------------------------------------------

  /** Checked once more, because memory may have changed since the labels were counted. */
  private long lawfulLabel(Call call, long row) {
    long label = Labels.at(call, row);
    if ((label < 0 || label >= call.dimensions.classes) && !isIgnored(label)) {
      throw new LabelException(call.pieces.firstRow + row, label, call.dimensions.classes);
    }
    return label;
  }

  private boolean isIgnored(long label) {
    return options.hasIgnoreIndex() && label == options.ignoreIndex();
  }

  /** Of the first element of a row of the current piece. */
  private static long offset(Call call, Part part, long row) {
    return row / call.pieces.inner * part.outer + row % call.pieces.inner * part.inner;
  }
}
