// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.LossPlan;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.Partition.RowTask;
import dev.xent.internal.plan.call.Plan;
import dev.xent.internal.plan.call.RowWeights;
import dev.xent.internal.plan.call.SumBlock;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * The negative log-likelihood of log-probabilities.
 *
 * <p>It has no kernel: with labels and no smoothing it reads one number per row, and most of its
 * other output is zeros. So it has no arithmetic worth vectorizing. The backend checks the labels
 * and adds up the losses exactly, as for cross-entropy.
 */
public final class NllPlan extends LossPlan {
  /**
   * The supported outputs. The backward pass needs no statistics; a request for them is accepted.
   */
  private static final long OUTPUTS =
      Outputs.LOSSES
          | ArrayViews.bit(Array.CORRECT)
          | ArrayViews.bit(Array.TARGET_GRADIENT)
          | ArrayViews.bit(Array.STATISTICS);

  private final Plan backward = new GradientAlone();
  private final RowTask forwardRows = this::forwardRows;
  private final RowTask backwardRows = this::backwardRows;

  public NllPlan(Engine engine, LossSpec spec) {
    super(engine, spec, null, "nll");
  }

  public NllPlan withDenominator(double value) {
    return new NllPlan(engine, spec.withDenominator(value));
  }

  @Override
  public String toString() {
    return spec.describe(new Described("NllLoss"), engine);
  }

  // ---- forward ---------------------------------------------------------------------------------

  @Override
  public Bound bind(View logProbabilities, @Nullable View targets, @Nullable View gradient) {
    return new Bound(this, backward, logProbabilities, targets, gradient);
  }

  @Override
  protected void take(Call call, CallArguments arguments) {
    takeInputs(call, arguments, call.logProbabilities, Rule.LOGITS, arguments.lead);
    call.outputs()
        .require(
            OUTPUTS,
            "and the loss of log-probabilities has losses, lossSum, correct, countCorrect and"
                + " targetGradient alone; expected outputs without it, or CrossEntropy of the logits");
    takeOutputs(call, Function.CROSS_ENTROPY, arguments.gradient);
  }

  /** Takes the inputs, of which the lead has the shape of the log-probabilities. */
  private void takeInputs(
      Call call, CallArguments arguments, CallArray array, Rule rule, View lead) {
    arguments.inputs.requireFor(Function.CHECK_TARGETS, "the loss of log-probabilities");
    call.lead(array, rule, lead, spec.axis(), arguments.inputs);
    takeTargets(call, arguments, Function.CHECK_TARGETS);
  }

  @Override
  protected void computeRows(Call call, CallArguments arguments) {
    boolean readsRows =
        call.kind != TargetKind.LABELS
            || options.number(OptionRange.LABEL_SMOOTHING) != 0
            || call.has(Array.CORRECT);
    call.partition.run(forwardRows, readsRows || call.writesGradient ? call.dimensions.classes : 1);
  }

  private void forwardRows(Call call, long begin, long end) {
    NllRow row = NllRow.of(call);
    row.prepare(options);
    try {
      forwardRows(call, row, begin, end);
    } finally {
      row.release();
    }
  }

  private void forwardRows(Call call, NllRow row, long begin, long end) {
    boolean sums = call.exactSum() != MemorySegment.NULL;
    SumBlock sum = SumBlock.of(call, call.lead().type.isWide() ? ElementType.F64 : ElementType.F32);
    for (long index = begin; index < end && !call.partition.isInVain(); index++) {
      row.enter(index);
      double loss = forwardRow(call, row, index);
      if (call.has(Array.LOSSES)) {
        call.array(Array.LOSSES).setNumber(call.pieces, index, loss);
      }
      if (sums) {
        sum.add(call, loss);
      }
    }
    if (sums) {
      sum.flush(call);
    }
  }

  /** Computes all outputs of one row, except that the caller stores and sums the loss. */
  private double forwardRow(Call call, NllRow row, long index) {
    double weight = weight(call, index);
    boolean counts = counts(call, row, weight);
    if (call.has(Array.CORRECT)) {
      boolean hit = counts && row.hit(row.label());
      call.array(Array.CORRECT)
          .segment()
          .set(
              ValueLayout.JAVA_BYTE,
              call.array(Array.CORRECT).at(call.pieces, index),
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

  private final class GradientAlone extends Backward {
    @Override
    protected void take(Call call, CallArguments arguments) {
      takeInputs(call, arguments, call.array(Array.GRADIENT), Rule.GRADIENT, arguments.gradient);
      call.takeIfPresent(Rule.UPSTREAM_OF_ROWS, arguments.upstream);
      call.requireWritable();
      call.ready();
    }

    /** Needs only the numbers of the forward pass. */
    @Override
    protected void takeSaved(Call call, Outputs saved) {
      requireSameRows(call, saved);
    }

    @Override
    protected void computeGradients(Call call) {
      call.partition.run(backwardRows, call.dimensions.classes);
    }
  }

  private void backwardRows(Call call, long begin, long end) {
    NllRow row = NllRow.of(call);
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
            call.has(Array.UPSTREAM)
                ? scale * call.array(Array.UPSTREAM).number(call.pieces, index)
                : scale);
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
    if (options.isIgnored(call.array(Array.TARGETS), label)) {
      return false;
    }
    row.requireClass(label);
    return true;
  }
}
