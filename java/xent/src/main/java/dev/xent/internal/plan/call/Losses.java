// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;
import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.Reductions;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The common steps of losses: taking and checking inputs and outputs, counting rows, and reducing
 * the losses. Other operations on logits take their inputs with the same methods.
 */
public final class Losses {
  /** Outputs that depend on the label of a row. */
  private static final Array[] OF_LABELS = {Array.CORRECT, Array.LOG_PROBABILITIES, Array.RANKS};

  private Losses() {}

  // ---- inputs ----------------------------------------------------------------------------------

  /** Takes the targets, and rejects options that targets of this kind do not support. */
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

  /** Takes the gradient, which may overwrite the inputs, and the requested outputs. */
  static void takeOutputs(Call call, Function function, @Nullable View gradient, Outputs outputs) {
    call.takeIfPresent(Rule.GRADIENT, gradient);
    call.takeOutputs(function, outputs.views);
    call.requireWritable();
  }

  /** Takes the gradient and the outputs of a loss that has targets. */
  public static void takeOutputs(
      Call call, Function function, @Nullable View gradient, Outputs outputs, TargetKind kind) {
    if (kind == TargetKind.LABELS) {
      if (outputs.has(Array.TARGET_GRADIENT)) {
        throw new OptionException(
            "targetGradient is requested, targets are class indices; expected probability rows or sparse"
                + " targets, or outputs without it");
      }
    } else {
      requireLabels(outputs, kind);
    }
    call.takeIfPresent(Rule.CORRECT, outputs.ownCorrect(call.dimensions));
    takeOutputs(call, function, gradient, outputs);
  }

  /** Rejects outputs that targets of this kind do not have because they are not class indices. */
  public static void requireLabels(Outputs outputs, TargetKind kind) {
    if (kind == TargetKind.LABELS) {
      return;
    }
    if (outputs.countCorrect) {
      throw needsLabels(Array.CORRECT, kind);
    }
    for (Array array : OF_LABELS) {
      if (outputs.has(array)) {
        throw needsLabels(array, kind);
      }
    }
  }

  private static OptionException needsLabels(Array array, TargetKind kind) {
    return new OptionException(
        message(
            "%s is requested, targets are %s; expected class indices, or outputs without %s",
            array.text, kind.text, array.text));
  }

  // ---- counting --------------------------------------------------------------------------------

  /** Whether targets and weights need no check because all values are valid. */
  private static boolean needsNoCheck(Call call) {
    return call.kind == TargetKind.PROBABILITIES
        && !call.has(Array.ROW_WEIGHTS)
        && !call.has(Array.CLASS_WEIGHTS);
  }

  /**
   * Rejects targets that are out of range and invalid weights; the exception names the first one.
   * Sets {@link Call#validRows} to the number of valid rows.
   *
   * @return the divisor of means: that number, or the sum of the weights
   */
  public static double countTargets(Call call) {
    boolean weighted = isWeighted(call);
    call.validRows = 0;
    if (weighted) {
      call.emptyExactSum();
    }
    if (call.runBoundKernel(Function.CHECK_TARGETS)) {
      call.validRows = xent_report.valid_rows(call.report);
    } else {
      call.partition.run(Losses::countRows, Math.max(call.targetCount, 1));
    }
    if (!weighted) {
      return call.validRows;
    }
    double sum = call.engine().kernels().exactSumValue(call.exactSum());
    call.dropExactSum();
    return sum;
  }

  /**
   * Counts the valid rows and rejects invalid targets, if there can be any.
   *
   * @return the divisor of a mean, unless the operation uses another one
   */
  public static double weightOfRows(Call call) {
    call.validRows = call.dimensions.rows;
    return needsNoCheck(call) ? call.validRows : countTargets(call);
  }

  /** Whether a mean divides by a sum of weights instead of the number of rows. */
  private static boolean isWeighted(Call call) {
    return call.has(Array.ROW_WEIGHTS) || (call.has(Array.CLASS_WEIGHTS) && call.hasLabels());
  }

  /** Keeps the divisor of this call's mean for the caller's sums. */
  private static void keepDivisor(Call call) {
    if (isWeighted(call)) {
      Sums.of(call).divisor(call.droppedExactSum());
    } else {
      Sums.of(call).divisor(call.validRows);
    }
  }

  private static void countRows(Call call, long begin, long end) {
    Kernels kernels = call.engine().kernels();
    long step = call.partition.targetsPerKernel();
    MemorySegment weights = call.exactSum();
    for (long row = begin; row < end && !call.partition.isInVain(); row += step) {
      FunctionCall kernel =
          call.kernel(Function.CHECK_TARGETS, row, Math.min(row + step, end))
              .set(Array.EXACT_SUM, weights);
      Failures.check(kernels.run(kernel), call);
      call.validRows += xent_report.valid_rows(call.report);
    }
  }

  // ---- the reduced loss ------------------------------------------------------------------------

  /**
   * Rejects losses and gradients that have no mean, before any output is written. Sets {@link
   * Call#writesGradient} and the scale of gradients, {@link Call#scale}. Clears the exact sum of
   * the losses, unless the losses are kept.
   *
   * @param weight the weight of the valid rows
   * @param gradients whether a gradient is requested
   * @return the denominator of means
   */
  public static double beginReduction(
      double weight, Call call, Reductions reductions, Outputs outputs, boolean gradients) {
    if (outputs.exactSum != null) {
      keepDivisor(call);
    }
    double denominator = reductions.denominator(weight);
    reductions.requireLoss(denominator);
    call.writesGradient = gradients && scaleGradient(denominator, call, reductions);
    if (!call.hasFewLosses()) {
      call.emptyExactSum();
    }
    return denominator;
  }

  /** Sets the scale of gradients. Returns false if the gradients are +0 everywhere. */
  public static boolean scaleGradient(double denominator, Call call, Reductions reductions) {
    reductions.requireGradient(denominator);
    boolean zero = reductions.gradientIsZero(denominator);
    call.scale = zero ? 0 : reductions.gradientScale(denominator);
    return !zero;
  }

  /** Returns the reduced loss, and sets all numbers of the outputs. Writes a gradient that is 0. */
  public static double reduce(
      double weight, double denominator, Call call, Reductions reductions, Outputs outputs) {
    if (!call.writesGradient) {
      Memory.clearIfPresent(call.view(Array.GRADIENT));
      Memory.clearIfPresent(call.view(Array.TARGET_GRADIENT));
    }
    Kernels kernels = call.engine().kernels();
    long rows = call.dimensions.rows;
    double sum =
        call.hasFewLosses()
            ? call.sumOfFewLosses(call.view(Array.LOSSES).type, rows, kernels)
            : kernels.exactSumValue(call.exactSum());
    double reduced = reductions.reduce(sum, denominator);
    long correct = !call.has(Array.CORRECT) ? -1 : Memory.sumOfBytes(call.view(Array.CORRECT));
    if (outputs.exactSum != null) {
      Sums ofCall = Sums.of(call);
      ofCall.losses(call.exactSum(), rows, call.validRows);
      outputs.exactSum.add(ofCall);
    }
    outputs.set(reduced, sum, rows, call.validRows, weight, denominator, correct);
    return reduced;
  }

  // ---- of runs without a gradient --------------------------------------------------------------

  /** As {@link #beginReduction(double, Call, Reductions, Outputs, boolean)}. */
  public static double beginReduction(
      double weight, Run run, Reductions reductions, Outputs outputs) {
    if (outputs.exactSum != null) {
      Sums sums = run.scratch(Sums.class, Sums::new);
      if (TargetChecks.areWeighted(run.call)) {
        sums.divisor(run.droppedExactSum());
      } else {
        sums.divisor(run.validRows);
      }
    }
    double denominator = reductions.denominator(weight);
    reductions.requireLoss(denominator);
    run.emptyExactSum();
    return denominator;
  }

  /** As {@link #reduce(double, double, Call, Reductions, Outputs)}. */
  public static double reduce(
      double weight, double denominator, Run run, Reductions reductions, Outputs outputs) {
    long rows = run.call.dimensions.rows;
    double sum = run.kernels().exactSumValue(run.exactSum());
    double reduced = reductions.reduce(sum, denominator);
    long correct = !run.has(Array.CORRECT) ? -1 : Memory.sumOfBytes(run.view(Array.CORRECT));
    if (outputs.exactSum != null) {
      Sums sums = run.scratch(Sums.class, Sums::new);
      sums.losses(run.exactSum(), rows, run.validRows);
      outputs.exactSum.add(sums);
    }
    outputs.set(reduced, sum, rows, run.validRows, weight, denominator, correct);
    return reduced;
  }

  // ---- computing -------------------------------------------------------------------------------

  /**
   * The arguments of the kernel that computes all requested outputs for some rows of the current
   * piece.
   */
  public static FunctionCall kernel(Call call, long row, long rowEnd) {
    FunctionCall kernel =
        call.kernel(Function.CROSS_ENTROPY, row, rowEnd)
            .set(Array.STATISTICS, call.records.savedOf(call.pieces))
            .set(Array.EXACT_SUM, call.exactSum());
    if (!call.writesGradient) {
      withoutGradients(kernel);
    }
    return kernel;
  }

  /** The arguments of a kernel of a loss without labels, whose only gradient is that of logits. */
  public static FunctionCall kernel(Call call, Function function, long row, long rowEnd) {
    FunctionCall kernel = call.kernel(function, row, rowEnd).set(Array.EXACT_SUM, call.exactSum());
    return call.writesGradient ? kernel : kernel.set(Array.GRADIENT, NULL);
  }

  /** Removes the gradients of logits and targets from the arguments of a kernel. */
  private static void withoutGradients(FunctionCall kernel) {
    kernel.offer(Array.GRADIENT, NULL);
    kernel.offer(Array.TARGET_GRADIENT, NULL);
  }
}
