// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.nll;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.Floats;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.Labels;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.Partition.RowWork;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.Reductions;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The negative log-likelihood of log-probabilities.
 *
 * <p>It has no kernel: with labels and no smoothing it reads one number per row, and most of its
 * other output is zeros. So it has no arithmetic worth vectorizing. The backend checks the labels
 * and adds up the losses exactly, as for cross-entropy.
 */
public final class NllPlan {
  /** The numeric options that it computes, without a kernel. */
  public static final Set<OptionRange> NUMBERS = Set.of(OptionRange.LABEL_SMOOTHING);

  /**
   * The supported outputs. The backward pass needs no statistics; a request for them is accepted.
   */
  private static final long OUTPUTS =
      Outputs.LOSSES
          | ArrayViews.bit(Array.CORRECT)
          | ArrayViews.bit(Array.TARGET_GRADIENT)
          | ArrayViews.bit(Array.STATISTICS);

  private final Engine engine;
  private final Kernels kernels;
  private final LossSpec spec;
  private final Options options;
  private final Reductions reductions;
  private final Operation forward;
  private final Operation backward;
  private final RowWork forwardRows = this::forwardRows;
  private final RowWork backwardRows = this::backwardRows;

  public NllPlan(Engine engine, LossSpec spec) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.spec = spec;
    this.options = spec.options();
    this.reductions = spec.reductions();
    this.forward = new Forward(engine);
    this.backward = new Backward(engine);
  }

  /** Returns a copy with another denominator. */
  public NllPlan withDenominator(double value) {
    return new NllPlan(engine, spec.withDenominator(value));
  }

  /** The class axis. */
  public int axis() {
    return spec.axis();
  }

  @Override
  public String toString() {
    return spec.describe(new Described("NllLoss"), engine);
  }

  // ---- forward ---------------------------------------------------------------------------------

  /** Returns the reduced loss, and writes its gradient unless it is null. */
  public double forward(View logProbabilities, View targets, @Nullable View gradient) {
    return forward.run(logProbabilities, targets, gradient);
  }

  /** Creates a bound call of {@link #forward}. */
  public Bound bind(View logProbabilities, View targets) {
    return new Bound(forward, backward, logProbabilities, targets, null);
  }

  private final class Forward extends Operation {
    Forward(Engine engine) {
      super(engine);
    }

    @Override
    protected String event(CallArguments given) {
      return given.gradient == null ? "nll" : "nll with gradient";
    }

    @Override
    protected void take(Call call, CallArguments given) {
      Outputs outputs = call.outputs();
      lead(call, call.logProbabilities, Rule.LOGITS, given.lead, given.inputs);
      TargetKind kind = takeInputs(call, given.targets, given.inputs);
      outputs.require(
          OUTPUTS,
          "and the loss of log-probabilities has losses, lossSum, correct, countCorrect and"
              + " targetGradient alone; expected outputs without it, or CrossEntropy of the logits");
      Losses.takeOutputs(call, Function.CROSS_ENTROPY, given.gradient, outputs, kind);
      Losses.keepFewLosses(call, outputs, given.lead.type);
      call.ready();
    }

    @Override
    protected double compute(Call call, CallArguments given) {
      Outputs outputs = call.outputs();
      TargetKind kind = call.kind;
      double count = count(call, kind);
      boolean gradients = given.gradient != null || outputs.has(Array.TARGET_GRADIENT);
      Losses.beginReduction(count, call, reductions, outputs, gradients);
      boolean readsRows =
          kind != TargetKind.LABELS
              || options.number(OptionRange.LABEL_SMOOTHING) != 0
              || call.has(Array.CORRECT);
      call.partition.run(
          forwardRows, readsRows || call.writesGradient ? call.dimensions.classes : 1);
      return Losses.reduce(count, call, reductions, outputs);
    }
  }

  private void lead(Call call, CallArray part, Rule rule, View view, InputViews inputs) {
    inputs.requireFor(Function.CHECK_TARGETS, "the loss of log-probabilities");
    call.lead(part, rule, view, spec.axis(), inputs);
  }

  private TargetKind takeInputs(Call call, View targets, InputViews inputs) {
    TargetKind kind = Losses.takeTargets(call, options, targets, inputs);
    call.takeInputs(Function.CHECK_TARGETS, inputs);
    call.takeIfGiven(Rule.CLASS_WEIGHTS, spec.classWeights());
    return kind;
  }

  /** Counts the valid rows and rejects invalid targets. Returns the divisor of means. */
  private double count(Call call, TargetKind kind) {
    call.options(options, options.ignoresIn(kind));
    return Losses.weightOfRows(call, Losses.needsNoCheck(call, kind));
  }

  private void forwardRows(Call call, long begin, long end) {
    NllScratch scratch = NllScratch.of(call);
    scratch.row.prepare(options);
    try {
      forwardRows(call, scratch, begin, end);
    } finally {
      scratch.row.release();
    }
  }

  private void forwardRows(Call call, NllScratch scratch, long begin, long end) {
    NllRow row = scratch.row;
    MemorySegment exactSum = call.exactSum();
    ElementType summed = call.lead().type == ElementType.F64 ? ElementType.F64 : ElementType.F32;
    int waiting = 0;
    for (long index = begin; index < end && !call.partition.isInVain(); index++) {
      row.enter(index);
      double loss = forwardRow(call, row, index);
      if (call.has(Array.LOSSES)) {
        Floats.set(
            call.part(Array.LOSSES).segment(),
            call.view(Array.LOSSES).type,
            call.part(Array.LOSSES).at(call.pieces, index),
            loss);
      }
      if (exactSum.byteSize() == 0) {
        continue;
      }
      Floats.set(scratch.losses, summed, waiting++, loss);
      if (waiting == NllScratch.BLOCK || index == end - 1) {
        Failures.check(
            kernels.exactSumAdd(exactSum, scratch.losses, summed.number(), 1, waiting), call);
        waiting = 0;
      }
    }
  }

  /** Computes all outputs of one row, except that the caller stores and sums the loss. */
  private double forwardRow(Call call, NllRow row, long index) {
    double weight = weight(call, index);
    boolean counts = counts(call, row, weight);
    if (call.has(Array.CORRECT)) {
      boolean hit = counts && row.hit(row.label());
      call.part(Array.CORRECT)
          .segment()
          .set(
              ValueLayout.JAVA_BYTE,
              call.part(Array.CORRECT).at(call.pieces, index),
              (byte) (hit ? 1 : 0));
    }
    double loss = counts ? loss(call, row, weight) : 0;
    double scale = call.scale * weight;
    if (call.writesGradient && call.has(Array.TARGET_GRADIENT)) {
      targetGradient(call, row, counts, scale);
    }
    // Written last, because it may overwrite the log-probabilities.
    if (call.writesGradient && call.has(Array.GRADIENT)) {
      gradient(call, row, counts, scale);
    }
    return loss;
  }

  private double loss(Call call, NllRow row, double weight) {
    if (call.hasLabels()) {
      return row.loss(row.label(), weight);
    }
    return call.targetCount == 0 ? row.lossOfProbabilities(weight) : row.lossOfEntries(weight);
  }

  private static void gradient(Call call, NllRow row, boolean counts, double scale) {
    if (!counts) {
      row.noGradient();
    } else if (call.hasLabels()) {
      row.gradient(row.label(), scale);
    } else if (call.targetCount == 0) {
      row.gradientOfProbabilities(scale);
    } else {
      row.gradientOfEntries(scale);
    }
  }

  private static void targetGradient(Call call, NllRow row, boolean counts, double scale) {
    if (!counts) {
      row.noTargetGradient();
    } else if (call.targetCount == 0) {
      row.targetGradientOfProbabilities(scale);
    } else {
      row.targetGradientOfEntries(scale);
    }
  }

  // ---- backward --------------------------------------------------------------------------------

  private final class Backward extends Operation {
    Backward(Engine engine) {
      super(engine);
    }

    @Override
    protected String event(CallArguments given) {
      return "nll backward";
    }

    @Override
    protected void take(Call call, CallArguments given) {
      View gradient = NullChecks.tensor(given.gradient, "gradient");
      lead(call, call.part(Array.GRADIENT), Rule.GRADIENT, gradient, given.inputs);
      takeInputs(call, given.targets, given.inputs);
      call.takeIfGiven(Rule.UPSTREAM_OF_ROWS, given.upstream);
      call.requireWritable();
      call.ready();
    }

    @Override
    protected double compute(Call call, CallArguments given) {
      requireSameRows(call, given.saved);
      boolean scaled = Losses.scaleGradient(given.saved.countedWeight, call, reductions);
      count(call, call.kind);
      if (scaled) {
        call.partition.run(backwardRows, call.dimensions.classes);
      } else {
        Memory.clear(given.gradient);
      }
      return Double.NaN;
    }
  }

  private void backwardRows(Call call, long begin, long end) {
    NllRow row = NllScratch.of(call).row;
    row.prepare(options);
    try {
      for (long index = begin; index < end && !call.partition.isInVain(); index++) {
        row.enter(index);
        double weight = weight(call, index);
        double scale = call.scale * weight;
        gradient(
            call,
            row,
            counts(call, row, weight),
            !call.has(Array.UPSTREAM) ? scale : scale * upstream(call, index));
      }
    } finally {
      row.release();
    }
  }

  private static void requireSameRows(Call call, Outputs saved) {
    if (saved.rows < 0) {
      throw new OptionException(
          "the outputs do not come from a forward; expected the outputs of the forward over these targets");
    }
    if (saved.rows != call.dimensions.rows) {
      throw new OptionException(
          message(
              "the outputs are of a forward over %s, backward was called with %d; expected the outputs of the forward over these targets",
              plural(saved.rows, "row"), call.dimensions.rows));
    }
  }

  private static double upstream(Call call, long row) {
    CallArray upstream = call.part(Array.UPSTREAM);
    return Floats.get(upstream.segment(), upstream.view.type, upstream.at(call.pieces, row));
  }

  // ---- rows ------------------------------------------------------------------------------------

  private static double weight(Call call, long row) {
    return !call.has(Array.ROW_WEIGHTS) ? 1 : RowWeights.at(call, row);
  }

  /** Whether a row is valid; the label of a valid row is a class. */
  private boolean counts(Call call, NllRow row, double weight) {
    if (weight == 0) {
      return false;
    }
    if (!call.hasLabels()) {
      return true;
    }
    long label = row.label();
    if (Labels.isIgnored(call.part(Array.TARGETS), options, label)) {
      return false;
    }
    row.requireClass(label);
    return true;
  }
}
