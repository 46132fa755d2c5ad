// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Binding;
import dev.xent.internal.plan.call.Check;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.Extras;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.RowTask;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.Site;
import dev.xent.internal.plan.call.TargetChecks;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
import org.jspecify.annotations.Nullable;

/** Log-probabilities of selected classes, and their gradient. */
public final class SelectedOperation extends Operation {
  private static final String NAME = "selected log-probabilities";

  private final double gradientScale;
  private final RowTask rows = this::rows;
  private final int arrays;

  private SelectedOperation(
      Function function,
      String name,
      Engine engine,
      Options options,
      int axis,
      double gradientScale) {
    super(function, name, engine, options, axis);
    this.gradientScale = gradientScale;
    this.arrays =
        mask(Array.LOGITS, Array.TARGETS) | (isForward() ? mask(Array.LOG_PROBABILITIES) : 0);
  }

  public SelectedOperation(Engine engine, Options options, int axis, double gradientScale) {
    this(Function.SELECTED_LOG_PROBABILITIES, NAME, engine, options, axis, gradientScale);
  }

  private boolean isForward() {
    return function == Function.SELECTED_LOG_PROBABILITIES;
  }

  @Override
  public String toString() {
    Described text = new Described("SelectedLogProbabilities");
    text.option("axis", axis, -1).option("gradientScale", gradientScale, 1.0);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  @Override
  protected String event(int mask) {
    boolean gradient = isForward() && (mask & mask(Array.GRADIENT)) != 0;
    return gradient ? NAME + " with gradient" : name;
  }

  @Override
  protected String nameOfOperation() {
    return NAME;
  }

  @Override
  protected Function inputs() {
    return Function.SELECTED_LOG_PROBABILITIES;
  }

  @Override
  protected double gradientScale() {
    return gradientScale;
  }

  /** Writes the log-probabilities. */
  public void run(View logits, View targets, View logProbabilities) {
    run(arrays, logits, targets, logProbabilities, null, null, null, null, 0, null);
  }

  /** Writes the exact sum of each sequence of log-probabilities, rounded once. */
  public void sumSequences(View logProbabilities, View offsets, View sums) {
    SequenceSums.write(kernels, logProbabilities, offsets, sums);
  }

  @Override
  protected void take(Check check) {
    check.lead(axis);
    check.selected();
    check.inputs();
    check.outputs();
    check.needWholeRows();
  }

  @Override
  protected boolean takeKernels(Site site, Checked call) {
    return isForward()
        && !call.savesStatistics
        && call.checks.take(Function.CHECK_TARGETS, call, 0)
        && call.computes.take(function, call, 0);
  }

  @Override
  protected double runShort(
      Site site,
      Checked call,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f,
      @Nullable Extras extras,
      long step) {
    call.checks.run(kernels, call, a, b, c, d, e, f);
    call.computes.run(kernels, call, a, b, c, d, e, f);
    return Double.NaN;
  }

  @Override
  protected double compute(Run run) {
    Outputs saved = (Outputs) run.extras;
    if (saved != null) {
      run.saved =
          isForward()
              ? saved.statisticsFor(run.call.dimensions.rows)
              : saved.statisticsOf(run.call, TargetKind.LABELS, options);
    }
    TargetChecks.count(run); // before anything is written
    run.run(rows);
    if (saved != null && isForward()) {
      saved.saved(run.call, run.saved, TargetKind.LABELS, options);
    }
    return Double.NaN;
  }

  private void rows(Run run, long begin, long end) {
    long most = run.rowsPerKernel();
    for (long row = begin; row < end && !run.isInVain(); row += most) {
      run.run(
          run.kernel(function, row, Math.min(row + most, end))
              .set(Array.STATISTICS, run.savedOfPiece()));
    }
  }

  // ---- bound calls -----------------------------------------------------------------------------

  /** Creates a bound call, which writes a gradient unless that is null. */
  public Binding bind(
      View logits,
      View targets,
      View logProbabilities,
      @Nullable View upstream,
      @Nullable View gradient) {
    return with(new Binding(this, arrays, logits, targets, logProbabilities), upstream, gradient);
  }

  /** Creates a bound call that saves statistics in outputs. */
  public Binding bind(View logits, View targets, View logProbabilities, Outputs saved) {
    return new Saving(this, saved, logits, targets, logProbabilities);
  }

  /** Creates a bound call of the gradient alone, from statistics that a forward pass saved. */
  public Binding bindBackward(View logits, View targets, @Nullable View upstream, View gradient) {
    SelectedOperation pass =
        new SelectedOperation(
            Function.SELECTED_LOG_PROBABILITIES_BACKWARD,
            NAME + " backward",
            engine,
            options,
            axis,
            gradientScale);
    return with(new Binding(pass, pass.arrays, logits, targets), upstream, gradient);
  }

  private static Binding with(Binding bound, @Nullable View upstream, @Nullable View gradient) {
    bound.set(Array.UPSTREAM, upstream);
    bound.set(Array.GRADIENT, gradient);
    return bound;
  }

  /** A bound call that saves statistics for a backward pass. */
  private static final class Saving extends Binding {
    private final Outputs saved;

    Saving(SelectedOperation forward, Outputs saved, @Nullable View... arrays) {
      super(forward, forward.arrays, arrays);
      this.saved = saved;
    }

    @Override
    protected void begin() {
      saved.require(
          ArrayViews.bit(Array.STATISTICS),
          "and selected log-probabilities have saveStatistics alone; expected outputs without it");
      saved.dropStatistics(); // a call that fails leaves none
      ofLibrary(saved.savesStatistics() ? operation.mask(Array.STATISTICS) : 0);
    }
  }
}
