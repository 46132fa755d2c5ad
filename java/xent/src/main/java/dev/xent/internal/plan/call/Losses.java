// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;
import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.Reductions;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** What every loss does before it writes: takes inputs and outputs, checks them, counts rows. */
public final class Losses {
  /** Outputs that speak of the label of a row. */
  private static final Array[] OF_LABELS = {Array.CORRECT, Array.LOG_PROBABILITIES, Array.RANKS};

  private Losses() {}

  // ---- inputs ----------------------------------------------------------------------------------

  /** Rejects inputs that a function does not take, and takes the array that all others follow. */
  public static void lead(
      Call call, Function function, String operation, View view, int axis, InputViews inputs) {
    inputs.requireFor(function, operation);
    Rule rule = function.rule(0);
    call.lead(call.part(rule.array), rule, view, axis, inputs);
  }

  /** Takes the targets, and refuses options that they cannot have. */
  public static TargetKind takeTargets(
      Call call, Options options, View targets, InputViews inputs) {
    TargetKind kind;
    View weights = inputs.get(Array.TARGET_WEIGHTS);
    if (weights != null) {
      call.sparseTargets(targets, weights);
      kind = TargetKind.SPARSE;
    } else {
      kind = call.targets(targets) ? TargetKind.LABELS : TargetKind.PROBABILITIES;
    }
    options.requireFor(kind, targets);
    call.needsWholeRows |= options.clampsTerms(kind);
    call.kind = kind;
    return kind;
  }

  // ---- outputs ---------------------------------------------------------------------------------

  /** Takes the gradient, which may overwrite the inputs, and what the outputs ask for. */
  public static void takeOutputs(
      Call call, Function function, @Nullable View gradient, Outputs outputs) {
    call.takeIfGiven(Rule.GRADIENT, gradient);
    call.takeOutputs(function, outputs.views);
    requireWritable(call);
  }

  /** The same of a loss of targets. */
  public static void takeOutputs(
      Call call, Function function, @Nullable View gradient, Outputs outputs, TargetKind kind) {
    if (kind == TargetKind.LABELS) {
      if (outputs.has(Array.TARGET_GRADIENT)) {
        throw new OptionException(
            "targetGradient is requested, targets are class indices; expected probability rows or sparse"
                + " targets, or outputs without it");
      }
    } else {
      if (outputs.countCorrect) {
        throw needsLabels(Array.CORRECT, kind);
      }
      for (Array array : OF_LABELS) {
        if (outputs.has(array)) {
          throw needsLabels(array, kind);
        }
      }
    }
    call.takeIfGiven(Rule.CORRECT, outputs.ownHits(call));
    takeOutputs(call, function, gradient, outputs);
  }

  private static OptionException needsLabels(Array array, TargetKind kind) {
    return new OptionException(
        message(
            "%s is requested, targets are %s; expected class indices, or outputs without %s",
            array.text, kind.text, array.text));
  }

  /** To be called when all arrays are there. */
  public static void requireWritable(Call call) {
    call.requireWritable();
    call.needsWholeRows |= call.unusual && call.asksForWholeRows();
  }

  // ---- counting --------------------------------------------------------------------------------

  /** Whether targets and weights are as they must be, whatever they are. */
  public static boolean needsNoCheck(Call call, TargetKind kind) {
    return kind == TargetKind.PROBABILITIES
        && !call.has(Array.ROW_WEIGHTS)
        && !call.has(Array.CLASS_WEIGHTS);
  }

  /**
   * Refuses targets out of range and weights that cannot be, the first one by name. Afterwards
   * {@link Call#validRows} is the number of rows that count.
   *
   * @return what means divide by: that number, or the sum of the weights
   */
  public static double countTargets(Call call) {
    boolean weighted = isWeighted(call);
    call.validRows = 0;
    if (weighted) {
      call.emptyExactSum();
    }
    if (call.runPrepared(Function.CHECK_TARGETS)) {
      call.validRows = xent_report.valid_rows(call.report);
    } else {
      call.partition.run(Losses::countTargets, Math.max(call.targetCount, 1));
    }
    if (!weighted) {
      return call.validRows;
    }
    double sum = call.engine().kernels().exactSumValue(call.exactSum());
    call.dropExactSum();
    return sum;
  }

  /**
   * Counts the rows that count, unless all do, and refuses targets that cannot be.
   *
   * @return what a mean divides by, unless the operation knows another number
   */
  public static double count(Call call, boolean known) {
    call.validRows = call.dimensions.rows;
    return known ? call.validRows : countTargets(call);
  }

  /** Whether a mean divides by a sum of weights, and not by the number of rows. */
  private static boolean isWeighted(Call call) {
    return call.has(Array.ROW_WEIGHTS) || (call.has(Array.CLASS_WEIGHTS) && call.hasLabels());
  }

  /** Keeps what the mean of this call divides by for the exact sum, if there is one. */
  private static void keepWeights(Call call, Outputs outputs) {
    if (outputs.exactSum != null && isWeighted(call)) {
      outputs.exactSum.keep(call.droppedExactSum());
    } else if (outputs.exactSum != null) {
      outputs.exactSum.keep(call.validRows);
    }
  }

  private static void countTargets(Call call, long begin, long end) {
    Kernels kernels = call.engine().kernels();
    long step = call.partition.targetsPerKernel();
    MemorySegment weights = call.exactSum();
    for (long row = begin; row < end && !call.partition.isInVain(); row += step) {
      Work work =
          call.kernel(Function.CHECK_TARGETS, row, Math.min(row + step, end))
              .set(Array.EXACT_SUM, weights);
      Failures.check(kernels.run(work), call);
      call.validRows += xent_report.valid_rows(call.report);
    }
  }

  // ---- the reduced loss ------------------------------------------------------------------------

  /**
   * Refuses losses and gradients that have no mean, before anything is written. Afterwards {@link
   * Call#scale} is what gradients are multiplied by that {@link Call#writesGradient}, and an exact
   * sum takes the losses, unless they are kept.
   *
   * @param weight of the rows that count
   * @param gradients whether any is asked for
   */
  public static void divideBy(
      double weight, Call call, Reductions reductions, Outputs outputs, boolean gradients) {
    keepWeights(call, outputs);
    reductions.requireLoss(reductions.denominator(weight));
    call.writesGradient = gradients && scaleGradient(weight, call, reductions);
    if (!call.hasFewLosses()) {
      call.emptyExactSum();
    }
  }

  /** Finds what gradients are multiplied by; whether that is more than 0. */
  public static boolean scaleGradient(double weight, Call call, Reductions reductions) {
    double denominator = reductions.denominator(weight);
    reductions.requireGradient(denominator);
    boolean zero = reductions.gradientIsZero(denominator);
    call.scale = zero ? 0 : reductions.gradientScale(denominator);
    return !zero;
  }

  /** The reduced loss, and all numbers of the outputs. A gradient that is 0 is written here. */
  public static double reduce(double weight, Call call, Reductions reductions, Outputs outputs) {
    if (!call.writesGradient) {
      Memory.clearIfPresent(call.view(Array.GRADIENT));
      Memory.clearIfPresent(call.view(Array.TARGET_GRADIENT));
    }
    Kernels kernels = call.engine().kernels();
    long rows = call.dimensions.rows;
    double sum =
        call.hasFewLosses()
            ? call.fewLosses.sum(call.view(Array.LOSSES).type, rows, kernels, call)
            : kernels.exactSumValue(call.exactSum());
    double denominator = reductions.denominator(weight);
    double reduced = reductions.reduce(sum, denominator);
    long correct = !call.has(Array.CORRECT) ? -1 : Memory.sumOfBytes(call.view(Array.CORRECT));
    if (outputs.exactSum != null) {
      outputs.exactSum.add(call.exactSum(), rows, call.validRows);
    }
    outputs.set(reduced, sum, rows, call.validRows, weight, denominator, correct);
    return reduced;
  }

  // ---- computing -------------------------------------------------------------------------------

  /** All that a kernel can tell of some rows of the current piece. */
  public static Work kernel(Call call, long row, long rowEnd) {
    Work work =
        call.kernel(Function.CROSS_ENTROPY, row, rowEnd)
            .set(Array.STATISTICS, call.records.savedOf(call.pieces))
            .set(Array.EXACT_SUM, call.exactSum());
    if (!call.writesGradient) {
      withoutGradients(work);
    }
    return work;
  }

  /** Takes the gradients of logits and targets back from a kernel. */
  private static void withoutGradients(Work work) {
    work.offer(Array.GRADIENT, NULL);
    work.offer(Array.TARGET_GRADIENT, NULL);
  }
}
