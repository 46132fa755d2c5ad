// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Check;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.LossBinding;
import dev.xent.internal.plan.call.LossOperation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.RowTask;
import dev.xent.internal.plan.call.RowWeights;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.Site;
import dev.xent.internal.plan.call.SumBlock;
import dev.xent.internal.plan.call.TargetChecks;
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
public final class NllOperation extends LossOperation {
  /**
   * The supported outputs. The backward pass needs no statistics; a request for them is accepted.
   */
  private static final long OUTPUTS =
      Outputs.LOSSES
          | ArrayViews.bit(Array.CORRECT)
          | ArrayViews.bit(Array.TARGET_GRADIENT)
          | ArrayViews.bit(Array.STATISTICS);

  private final int arrays;
  private final int withGradient;
  private final RowTask forwardRows = this::forwardRows;
  private final RowTask backwardRows = this::backwardRows;

  public NllOperation(Engine engine, LossSpec spec) {
    this(Function.CROSS_ENTROPY, "nll", engine, spec);
  }

  private NllOperation(Function function, String name, Engine engine, LossSpec spec) {
    super(function, name, engine, spec);
    this.arrays =
        mask(Array.LOGITS, Array.TARGETS)
            | (spec.classWeights() == null ? 0 : mask(Array.CLASS_WEIGHTS));
    this.withGradient = arrays | mask(Array.GRADIENT);
  }

  @Override
  protected boolean isForward() {
    return function == Function.CROSS_ENTROPY;
  }

  @Override
  protected LossOperation backward() {
    return new NllOperation(Function.CROSS_ENTROPY_BACKWARD, name + " backward", engine, spec);
  }

  public NllOperation withDenominator(double value) {
    return new NllOperation(engine, spec.withDenominator(value));
  }

  @Override
  public String toString() {
    return spec.describe(new Described("NllLoss"), engine);
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** Returns the loss, and writes its gradient unless that is null. */
  public double loss(View logProbabilities, View targets, @Nullable View gradient) {
    View w = spec.classWeights();
    return gradient == null
        ? run(arrays, logProbabilities, targets, w, null, null, null, null, 0, null)
        : run(withGradient, logProbabilities, targets, gradient, w, null, null, null, 0, null);
  }

  /** Creates a bound call, which writes a gradient unless that is null. */
  public LossBinding bind(View logProbabilities, View targets, @Nullable View gradient) {
    return new LossBinding(
        this, null, withGradient, logProbabilities, targets, gradient, spec.classWeights());
  }

  @Override
  protected String nameOf(Array array) {
    return array == Array.LOGITS ? "logProbabilities" : super.nameOf(array);
  }

  @Override
  protected String nameOfOperation() {
    return "the loss of log-probabilities";
  }

  @Override
  protected Function inputs() {
    return Function.CHECK_TARGETS;
  }

  /** The gradient alone does not depend on the log-probabilities. */
  @Override
  protected boolean takes(Array array) {
    return isForward() || array != Array.LOGITS;
  }

  @Override
  protected void requireOutputs(Outputs outputs) {
    outputs.require(
        OUTPUTS,
        "and the loss of log-probabilities has losses, lossSum, correct, countCorrect and"
            + " targetGradient alone; expected outputs without it, or CrossEntropy of the logits");
  }

  @Override
  protected void take(Check check) {
    check.lead(isForward() ? Array.LOGITS : Array.GRADIENT, axis);
    takeTargets(check);
    if (isForward()) {
      requireOutputsOf(check.requestedOutputs(), check.call.kind);
      takeOutputs(check, check.lead().type);
    }
  }

  /** No kernel computes it. */
  @Override
  protected boolean takeKernels(Site site, Checked call) {
    return false;
  }

  @Override
  protected boolean checksFirst(Checked call) {
    return true;
  }

  @Override
  protected double weightOfRows(Run run) {
    return TargetChecks.weightOfRows(run);
  }

  @Override
  protected void computeRows(Run run) {
    boolean readsRows =
        run.call.kind != TargetKind.LABELS
            || options.number(OptionRange.LABEL_SMOOTHING) != 0
            || run.has(Array.CORRECT);
    run.run(forwardRows, readsRows || run.writesGradient ? run.call.dimensions.classes : 1);
  }

  private void forwardRows(Run run, long begin, long end) {
    NllRow row = NllRow.of(run);
    row.prepare(options);
    try {
      forwardRows(run, row, begin, end);
    } finally {
      row.release();
    }
  }

  private void forwardRows(Run run, NllRow row, long begin, long end) {
    boolean sums = run.exactSum() != MemorySegment.NULL;
    SumBlock sum =
        SumBlock.of(run, run.call.leadType().isWide() ? ElementType.F64 : ElementType.F32);
    for (long index = begin; index < end && !run.isInVain(); index++) {
      row.enter(index);
      double loss = forwardRow(run, row, index);
      if (run.has(Array.LOSSES)) {
        run.number(Array.LOSSES, index, loss);
      }
      if (sums) {
        sum.add(run, loss);
      }
    }
    if (sums) {
      sum.flush(run);
    }
  }

  /** Computes all outputs of one row, except that the caller stores and sums the loss. */
  private double forwardRow(Run run, NllRow row, long index) {
    double weight = weight(run, index);
    boolean counts = counts(run, row, weight);
    if (run.has(Array.CORRECT)) {
      boolean hit = counts && row.hit(row.label());
      run.segment(Array.CORRECT)
          .set(
              ValueLayout.JAVA_BYTE,
              run.array(Array.CORRECT).at(run.call.pieces, index),
              (byte) (hit ? 1 : 0));
    }
    double loss = counts ? loss(run, row, weight) : 0;
    double scale = run.call.scale() * weight;
    if (run.writesGradient && run.has(Array.TARGET_GRADIENT)) {
      targetGradient(run, row, counts, scale);
    }
    // Written last, because it may overwrite the log-probabilities.
    if (run.writesGradient && run.has(Array.GRADIENT)) {
      gradient(run, row, counts, scale);
    }
    return loss;
  }

  private double loss(Run run, NllRow row, double weight) {
    if (run.call.hasLabels()) {
      return row.loss(row.label(), weight);
    }
    return run.call.shape.targetCount == 0
        ? row.lossOfProbabilities(weight)
        : row.lossOfEntries(weight);
  }

  private static void gradient(Run run, NllRow row, boolean counts, double scale) {
    if (!counts) {
      row.noGradient();
    } else if (run.call.hasLabels()) {
      row.gradient(row.label(), scale);
    } else if (run.call.shape.targetCount == 0) {
      row.gradientOfProbabilities(scale);
    } else {
      row.gradientOfEntries(scale);
    }
  }

  private static void targetGradient(Run run, NllRow row, boolean counts, double scale) {
    if (!counts) {
      row.noTargetGradient();
    } else if (run.call.shape.targetCount == 0) {
      row.targetGradientOfProbabilities(scale);
    } else {
      row.targetGradientOfEntries(scale);
    }
  }

  // ---- backward --------------------------------------------------------------------------------

  /** Needs only the numbers of the forward pass. */
  @Override
  protected void takeSaved(Run run, Outputs saved) {
    requireSameRows(run, saved);
  }

  @Override
  protected void computeGradients(Run run) {
    run.run(backwardRows, run.call.dimensions.classes);
  }

  private void backwardRows(Run run, long begin, long end) {
    NllRow row = NllRow.of(run);
    row.prepare(options);
    try {
      for (long index = begin; index < end && !run.isInVain(); index++) {
        row.enter(index);
        double weight = weight(run, index);
        double scale = run.call.scale() * weight;
        gradient(
            run,
            row,
            counts(run, row, weight),
            run.has(Array.UPSTREAM) ? scale * run.number(Array.UPSTREAM, index) : scale);
      }
    } finally {
      row.release();
    }
  }

  private static void requireSameRows(Run run, Outputs saved) {
    if (saved.rows < 0) {
      throw new OptionException(
          "the outputs do not come from a forward; expected the outputs of the forward over these targets");
    }
    if (saved.rows != run.call.dimensions.rows) {
      throw new OptionException(
          message(
              "the outputs are of a forward over %s, backward was called with %d; expected the outputs of the forward over these targets",
              plural(saved.rows, "row"), run.call.dimensions.rows));
    }
  }

  // ---- rows ------------------------------------------------------------------------------------

  private static double weight(Run run, long row) {
    return !run.has(Array.ROW_WEIGHTS) ? 1 : RowWeights.at(run, row);
  }

  /** Whether a row is valid; the label of a valid row is a class. */
  private boolean counts(Run run, NllRow row, double weight) {
    if (weight == 0) {
      return false;
    }
    if (!run.call.hasLabels()) {
      return true;
    }
    long label = row.label();
    if (options.isIgnored(run.array(Array.TARGETS).type, label)) {
      return false;
    }
    row.requireClass(label);
    return true;
  }
}
