// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.CallArrays.has;

import dev.xent.internal.kernels.Status;

/** Cross-entropy with everything that it can have. */
final class GeneralCrossEntropy {
  private GeneralCrossEntropy() {}

  /** All results, in an order in which the gradient may overwrite the logits. */
  static int forward(Call call) {
    GeneralWork work = call.work().begin(call);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      int status = work.row.go(row);
      if (status != Status.OK) {
        return status;
      }
      if (work.row.ignored) {
        work.statistics.clear(work.row.kind | Kind.IGNORED_ROW | (call.wide ? Kind.WIDE : 0));
      } else {
        call.report.counted += work.row.kind == Kind.SOFTMAX ? 0 : 1;
        GeneralFirstPass.row(call, work);
      }
      GeneralResults.write(call, work, row);
      GeneralResults.writeFurther(call, work);
      double scale = call.options.scale() * work.row.weight;
      if (has(call.given.targetGradient)) {
        GeneralGradient.writeOfTargets(call, work, scale, call.given.targetGradient);
      }
      if (has(call.given.gradient)) {
        work.gradient.write(call, work, scale);
      }
    }
    return Status.OK;
  }

  /** The gradient alone; upstream NULL: 1 for every row. */
  static int backward(Call call) {
    GeneralWork work = call.work().begin(call);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      int status = work.row.go(row);
      if (status != Status.OK) {
        return status;
      }
      if (work.row.ignored) {
        work.statistics.clear(work.row.kind | Kind.IGNORED_ROW);
      } else {
        work.statistics.load(call.given.statistics, row);
        completePlain(call, work);
        work.targets.setShare(work.statistics.share);
      }
      double scale = call.options.scale() * work.row.weight;
      if (has(call.given.upstream)) {
        scale *= work.row.number(call.given.upstream, call.shape.upstream);
      }
      work.gradient.write(call, work, scale);
    }
    return Status.OK;
  }

  /** Statistics of a plain forward do not say what its options do. */
  private static void completePlain(Call call, GeneralWork work) {
    GeneralStatistics row = work.statistics;
    if (row.isSpecial() || row.is(Kind.GENERAL)) {
      return;
    }
    row.pull = work.row.kind == Kind.LABEL ? 1 : row.mass;
    row.share = call.options.labelSmoothing / work.row.wholeRow;
  }
}
