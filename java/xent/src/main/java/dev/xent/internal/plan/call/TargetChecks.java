// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.plan.options.TargetKind;

/** The kernel that checks the contents of targets and weights, and counts valid rows. */
public final class TargetChecks {
  private TargetChecks() {}

  /** Whether targets and weights need no check because all values are valid. */
  public static boolean needNone(Checked call) {
    return call.kind == TargetKind.PROBABILITIES
        && !call.has(Array.ROW_WEIGHTS)
        && !call.has(Array.CLASS_WEIGHTS);
  }

  /** Whether a mean divides by a sum of weights instead of the number of rows. */
  public static boolean areWeighted(Checked call) {
    return call.has(Array.ROW_WEIGHTS) || call.has(Array.CLASS_WEIGHTS) && call.hasLabels();
  }

  /**
   * Counts the valid rows and rejects invalid targets, if there can be any. Sets {@link
   * Run#validRows}.
   *
   * @return the divisor of a mean, unless the operation uses another one
   */
  public static double weightOfRows(Run run) {
    run.validRows = run.call.dimensions.rows;
    return needNone(run.call) ? run.validRows : count(run);
  }

  /**
   * Rejects targets that are out of range and invalid weights; the exception names the first one.
   * Sets {@link Run#validRows}.
   *
   * @return the divisor of means: that number, or the sum of the weights
   */
  public static double count(Run run) {
    boolean weighted = areWeighted(run.call);
    run.validRows = 0;
    if (weighted) {
      run.emptyExactSum();
    }
    run.run(TargetChecks::rows, Math.max(run.call.shape.targetCount, 1));
    if (!weighted) {
      return run.validRows;
    }
    double sum = run.kernels().exactSumValue(run.exactSum());
    run.dropExactSum();
    return sum;
  }

  private static void rows(Run run, long begin, long end) {
    long most = run.targetsPerKernel();
    for (long row = begin; row < end && !run.isInVain(); row += most) {
      FunctionCall kernel = run.kernel(Function.CHECK_TARGETS, row, Math.min(row + most, end));
      run.run(kernel.set(Array.EXACT_SUM, run.exactSum()));
      run.validRows += xent_report.valid_rows(run.report);
    }
  }
}
