// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.LabelException;
import dev.xent.OptionException;
import dev.xent.internal.ffi.XentH;
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
  private final Options options;
  private final @Nullable Integer givenAxis;
  private final Reductions reductions;
  private final RowWork forwardRows = this::forwardRows;
  private final RowWork backwardRows = this::backwardRows;

  /**
   * @param axis of the classes, or null: 1, or 0 where there is no other
   */
  public NllPlan(Engine engine, Options options, @Nullable Integer axis, Reductions reductions) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.options = options;
    this.givenAxis = axis;
    this.reductions = reductions;
  }

  /** The same with other reductions. */
  public NllPlan with(Reductions other) {
    return new NllPlan(engine, options, givenAxis, other);
  }

  public Reductions reductions() {
    return reductions;
  }

  /** The axis of the classes in tensors of so many dimensions, as it was given or the default. */
  public int axis(int rank) {
    return LossCall.axis(givenAxis, rank);
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
      boolean labels = LossCall.takeTargets(call, options, targets);
      if (outputs.logSumExp != null) {
        throw new OptionException(
            "logSumExp was asked for, and log-probabilities have none: ask CrossEntropy or LogSumExp"
                + " on the logits");
      }
      LossCall.takeOutputs(call, reductions, gradient, outputs, labels);
      boolean few = call.keepsFewLosses();
      call.ready();
      call.options(options, 1);
      long counted = labels ? LossCall.countLabels(call, engine) : call.rows;
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
      each(call, forwardRows, readsRows || call.writesGradient ? call.classes : 1);
      if (zeroGradient) {
        Memory.clear(gradient);
      }

      double sum =
          few ? call.fewLosses.sum(call.rows, kernels, call) : kernels.tallySum(call.tally());
      double loss = reductions.reduce(sum, denominator);
      long correct = call.hits.view == null ? -1 : Memory.sumOfBytes(call.hits.view);
      outputs.set(loss, sum, call.rows, counted, denominator, correct);
      return loss;
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
    if (Crew.isAlone(engine.threads(), call.rows * perRow)) {
      for (long piece = 0; piece < call.pieces; piece++) {
        call.enter(piece);
        work.run(call, 0, call.pieceRows);
      }
    } else {
      call.crew().rows(engine, work, perRow);
    }
  }

  private void forwardRows(Call call, long begin, long end) {
    NllScratch scratch = call.nllScratch();
    scratch.row.prepare(options.labelSmoothing(), call.classes);
    boolean labels = call.hasLabels();
    MemorySegment tally = call.tally();
    int waiting = 0;
    for (long row = begin; row < end && !call.isInVain(); row++) {
      float loss =
          labels ? labelRow(call, scratch.row, row) : probabilityRow(call, scratch.row, row);
      if (call.losses.view != null) {
        call.losses
            .segment()
            .setAtIndex(ValueLayout.JAVA_FLOAT, offset(call, call.losses, row), loss);
      }
      if (call.writesGradient) {
        gradientRow(call, scratch.row, labels, row);
      }
      if (tally.byteSize() == 0) {
        continue;
      }
      scratch.losses.setAtIndex(ValueLayout.JAVA_FLOAT, waiting++, loss);
      if (waiting == NllScratch.BLOCK || row == end - 1) {
        Failures.check(kernels.tallyAdd(tally, scratch.losses, XentH.XENT_F32(), 1, waiting), call);
        waiting = 0;
      }
    }
  }

  private float labelRow(Call call, NllRow row, long index) {
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
    return ignored ? 0f : row.loss(logs.segment(), at, logs.classes, label);
  }

  private static float probabilityRow(Call call, NllRow row, long index) {
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
      boolean labels = LossCall.takeTargets(call, options, targets);
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
        LossCall.countLabels(call, engine);
      }
      if (reductions.gradientIsZero(denominator)) {
        Memory.clear(gradient);
        return;
      }
      call.scale = reductions.gradientScale(denominator);
      each(call, backwardRows, call.classes);
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private void backwardRows(Call call, long begin, long end) {
    NllRow row = call.nllScratch().row;
    row.prepare(options.labelSmoothing(), call.classes);
    boolean labels = call.hasLabels();
    for (long index = begin; index < end && !call.isInVain(); index++) {
      gradientRow(call, row, labels, index);
    }
  }

  private static void requireSameRows(Call call, Outputs saved) {
    if (saved.rows != call.rows) {
      throw new OptionException(
          "the outcome is of a forward over %d rows, backward was given %d: give it the outcome of the forward over these targets"
              .formatted(saved.rows, call.rows));
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
    return upstream.segment().getAtIndex(ValueLayout.JAVA_FLOAT, offset(call, upstream, row));
  }

  // ---- rows ------------------------------------------------------------------------------------

  /** Checked once more, because memory may have changed since the labels were counted. */
  private long lawfulLabel(Call call, long row) {
    long label = Labels.at(call, row);
    if ((label < 0 || label >= call.classes) && !isIgnored(label)) {
      throw new LabelException(call.firstRow + row, label, call.classes);
    }
    return label;
  }

  private boolean isIgnored(long label) {
    return options.hasIgnoreIndex() && label == options.ignoreIndex();
  }

  /** Of the first element of a row of the current piece. */
  private static long offset(Call call, Part part, long row) {
    return row / call.innerRows * part.outer + row % call.innerRows * part.inner;
  }
}
