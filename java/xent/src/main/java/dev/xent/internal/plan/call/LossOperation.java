// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Layout;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.Reductions;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A loss: the forward pass, which also writes the requested gradients, or the backward pass alone.
 * A call counts its valid rows, computes row losses, and reduces them to a number. A subclass takes
 * its own arrays, and computes its own rows.
 */
public abstract class LossOperation extends Operation {
  /** Outputs that depend on the label of a row. */
  private static final long OF_LABELS =
      ArrayViews.bit(Array.CORRECT)
          | ArrayViews.bit(Array.LOG_PROBABILITIES)
          | ArrayViews.bit(Array.RANKS);

  protected final LossSpec spec;
  protected final Reductions reductions;

  protected LossOperation(Function function, String name, Engine engine, LossSpec spec) {
    super(function, name, engine, spec.options(), spec.axis());
    this.spec = spec;
    this.reductions = spec.reductions();
  }

  @Override
  protected String event(int mask) {
    int gradient = function.place(Array.GRADIENT);
    boolean written = gradient >= 0 && (mask >> gradient & 1) != 0;
    return written && isForward() ? name + " with gradient" : name;
  }

  /** Whether this is the forward pass, which reduces losses. */
  protected boolean isForward() {
    return true;
  }

  /** The backward pass of this loss, if it has a separate one. */
  protected LossOperation backward() {
    throw new AssertionError(name);
  }

  /** Whether a backward pass takes an array of its forward pass. */
  protected boolean takes(Array array) {
    return true;
  }

  /** Rejects outputs that the loss does not have. */
  protected void requireOutputs(Outputs outputs) {}

  // ---- taking arrays ---------------------------------------------------------------------------

  /** Takes the targets and the other inputs. */
  protected final void takeTargets(Check check) {
    check.targets(options);
    check.inputs();
  }

  /**
   * Rejects requested outputs that targets of this kind do not have.
   *
   * @param requested the outputs, as bits
   */
  public static void requireOutputsOf(long requested, TargetKind kind) {
    if (kind == TargetKind.LABELS) {
      if ((requested & ArrayViews.bit(Array.TARGET_GRADIENT)) != 0) {
        throw new OptionException(
            "targetGradient is requested, targets are class indices; expected probability rows or sparse"
                + " targets, or outputs without it");
      }
      return;
    }
    long ofLabels = requested & OF_LABELS;
    if (ofLabels != 0) {
      String name = ArrayViews.first(ofLabels).text;
      throw new OptionException(
          message(
              "%s is requested, targets are %s; expected class indices, or outputs without %s",
              name, kind.text, name));
    }
  }

  /**
   * Takes the outputs. Correct rows that are only counted, and the losses of few rows without an
   * output of losses, are in memory of the library.
   *
   * @param arithmetic F64 if losses are computed in double
   */
  public static void takeOutputs(Check check, ElementType arithmetic) {
    check.outputs();
    if (check.requests(Array.CORRECT) && !check.has(Array.CORRECT)) {
      View own = View.room(ElementType.U8, check.dimensions.rowShape());
      check.lend(Array.CORRECT, Rule.CORRECT, own, Layout.Kind.ROWS);
    }
    boolean few = check.isContiguous() && check.dimensions.rows <= FewLosses.MOST;
    if (few && !check.has(Array.LOSSES) && !check.requests(Array.EXACT_SUM)) {
      View own = check.site().fewLosses().view(arithmetic);
      check.lend(Array.LOSSES, Rule.LOSSES, own, Layout.Kind.ROWS);
      check.call.hasFewLosses = true;
    }
  }

  // ---- short calls -----------------------------------------------------------------------------

  /**
   * Sets the kernel that checks contents, if {@link Checked#checksFirst}. Returns whether it fits.
   */
  protected boolean takeCheck(Site site, Checked call) {
    boolean fits = call.checks.take(Function.CHECK_TARGETS, call, 0);
    return fits
        && (!call.addsToSum
            || !TargetChecks.areWeighted(call)
            || call.checks.take(Array.EXACT_SUM, site.weightSum()));
  }

  /** Whether a kernel must check contents before the one that computes writes anything. */
  protected abstract boolean checksFirst(Checked call);

  @Override
  protected boolean takeKernels(Site site, Checked call) {
    if (!isForward() || call.savesStatistics) {
      return false;
    }
    call.checksFirst = checksFirst(call);
    call.countsEachRow = !call.checksFirst || countsEachRow(call);
    return call.computes.take(function, call, 0)
        && (call.hasFewLosses || call.computes.take(Array.EXACT_SUM, site.exactSum()))
        && (!call.checksFirst || takeCheck(site, call));
  }

  /** The divisor of means after the kernel that checks; or else the number of valid rows. */
  protected double weightOf(Checked call, long validRows) {
    return xent_report.denominator(call.report);
  }

  /** Whether each row with a label counts once, so that nothing need be read. */
  private boolean countsEachRow(Checked call) {
    return call.kind == TargetKind.LABELS
        && !options.hasIgnoreIndex()
        && !TargetChecks.areWeighted(call);
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
    Outputs outputs = (Outputs) extras;
    Sums sums = call.addsToSum ? outputs.exactSum : null; // once: an owner may request another
    long validRows = call.dimensions.rows;
    double weight = validRows;
    if (call.checksFirst) {
      if (sums != null) {
        Sums.clear(site.weightSum().segment);
      }
      call.checks.run(kernels, call, a, b, c, d, e, f);
    }
    if (!call.countsEachRow) {
      validRows = xent_report.valid_rows(call.report);
      weight = weightOf(call, validRows);
    }
    if (sums != null) {
      MemorySegment weights = call.checksFirst ? site.weightSum().segment : null;
      beginSums(site.run(), call, weights, validRows);
    }
    double denominator = reductions.denominator(weight, true, call.writesGradient);
    if (call.writesGradient) {
      double scale = reductions.gradientScale(denominator);
      if (Double.isNaN(scale)) {
        return runWhole(site, call, a, b, c, d, e, f, extras, step);
      }
      call.scale(scale);
    }
    if (!call.hasFewLosses) {
      Sums.clear(site.exactSum().segment);
    }
    call.computes.run(kernels, call, a, b, c, d, e, f);
    return reduce(
        site,
        call,
        kernels,
        reductions,
        site.exactSum().segment,
        outputs,
        sums,
        validRows,
        weight,
        denominator,
        outputs == null ? null : call.view(Array.CORRECT, a, b, c, d, e, f));
  }

  // ---- other calls -----------------------------------------------------------------------------

  /**
   * Sets {@link Run#validRows}, and rejects invalid targets and weights.
   *
   * @return the divisor of means, unless the options have another one
   */
  protected abstract double weightOfRows(Run run);

  /** Computes the losses of all rows, and the gradients if the run writes them. */
  protected abstract void computeRows(Run run);

  /** Clears gradients that are 0. */
  protected void clear(Run run) {
    Memory.clearIfPresent(inRows(run, run.view(Array.GRADIENT)));
    Memory.clearIfPresent(inRows(run, run.view(Array.TARGET_GRADIENT)));
  }

  /** The elements of a view that are in rows: outside of ragged rows, there may be others. */
  private static @Nullable View inRows(Run run, @Nullable View view) {
    if (view == null || view.rank() != 1 || !run.has(Array.ROW_OFFSETS)) {
      return view;
    }
    long first = run.call.firstOfRow(0);
    long end = run.call.firstOfRow(run.call.dimensions.rows);
    return view.with(first * view.strides[0], new long[] {end - first}, view.strides);
  }

  @Override
  protected double compute(Run run) {
    Outputs outputs = (Outputs) run.extras;
    if (!isForward()) {
      computeBackward(run, outputs);
      return Double.NaN;
    }
    double weight = weightOfRows(run);
    double denominator = begin(run, weight, reductions, outputs, run.call.writesGradient);
    if (run.call.savesStatistics) {
      run.saved = outputs.statisticsFor(run.call.dimensions.rows);
    }
    computeRows(run);
    if (!run.writesGradient) {
      clear(run);
    }
    double reduced = reduce(run, weight, denominator, reductions, outputs);
    if (run.call.savesStatistics) {
      outputs.saved(run.call, run.saved, run.call.kind, options);
    }
    return reduced;
  }

  /**
   * Rejects losses and gradients that have no mean, before any output is written. Sets {@link
   * Run#writesGradient} and the scale of gradients. Clears the exact sum of the losses, unless the
   * losses are kept.
   *
   * @param weight the weight of the valid rows
   * @param gradients whether a gradient is requested
   * @return the denominator of means
   */
  public static double begin(
      Run run, double weight, Reductions reductions, @Nullable Outputs outputs, boolean gradients) {
    boolean few = run.call.hasFewLosses;
    run.sums = few || outputs == null ? null : outputs.exactSum;
    if (run.sums != null) {
      beginSums(run, run.call, run.droppedExactSum(), run.validRows);
    }
    double denominator = reductions.denominator(weight, true, gradients);
    if (gradients) {
      scale(run, denominator, reductions);
    }
    if (!few) {
      run.emptyExactSum();
    }
    return denominator;
  }

  /** Begins the sums of one call, with what its means are divided by. */
  private static void beginSums(
      Run run, Checked call, @Nullable MemorySegment weights, long validRows) {
    Sums.of(run).divisor(TargetChecks.areWeighted(call) ? weights : null, validRows);
  }

  /** Sets the scale of gradients, and whether there is anything to write but +0. */
  private static void scale(Run run, double denominator, Reductions reductions) {
    double scale = reductions.gradientScale(denominator);
    run.writesGradient = !Double.isNaN(scale);
    if (run.writesGradient) {
      run.call.scale(scale);
    }
  }

  /** Returns the reduced loss, and sets all numbers of the outputs. */
  public static double reduce(
      Run run,
      double weight,
      double denominator,
      Reductions reductions,
      @Nullable Outputs outputs) {
    return reduce(
        run.site,
        run.call,
        run.kernels(),
        reductions,
        run.call.hasFewLosses ? run.site.exactSum().segment : run.exactSum(),
        outputs,
        run.sums,
        run.validRows,
        weight,
        denominator,
        run.view(Array.CORRECT));
  }

  private static double reduce(
      Site site,
      Checked call,
      Kernels kernels,
      Reductions reductions,
      MemorySegment exactSum,
      @Nullable Outputs outputs,
      @Nullable Sums sums,
      long validRows,
      double weight,
      double denominator,
      @Nullable View correct) {
    long rows = call.dimensions.rows;
    double sum =
        call.hasFewLosses
            ? site.fewLosses().sum(call.array(Array.LOSSES).type, rows, kernels, exactSum)
            : kernels.exactSumValue(exactSum);
    double reduced = reductions.reduce(sum, denominator);
    if (outputs != null) {
      long count = correct == null ? -1 : Memory.sumOfBytes(correct);
      if (sums != null) {
        Sums own = Sums.of(site.run());
        own.losses(exactSum, rows, validRows);
        sums.add(own);
      }
      outputs.set(reduced, sum, rows, validRows, weight, denominator, count);
    }
    return reduced;
  }

  // ---- backward --------------------------------------------------------------------------------

  /** Uses what the forward pass saved, or rejects it. */
  protected void takeSaved(Run run, Outputs saved) {
    run.saved = saved.statisticsOf(run.call, run.call.kind, options);
  }

  /** Computes the gradient alone, of all rows. */
  protected void computeGradients(Run run) {
    throw new AssertionError(name);
  }

  private void computeBackward(Run run, Outputs saved) {
    takeSaved(run, saved);
    scale(run, reductions.denominator(saved.countedWeight, false, true), reductions);
    TargetChecks.weightOfRows(run);
    if (run.writesGradient) {
      computeGradients(run);
    } else {
      clear(run);
    }
  }
}
