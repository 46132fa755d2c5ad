// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.OptionException;
import dev.xent.Reduction;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Kernels;
import org.jspecify.annotations.Nullable;

/** What every loss does before it writes: takes targets and outputs, checks them, counts rows. */
final class LossCall {
  private LossCall() {}

  /** The axis of the classes where none was given: 1, or 0 where there is no other. */
  static int axis(@Nullable Integer given, int rank) {
    return given != null ? given : rank > 1 ? 1 : 0;
  }

  /** Returns whether the targets are labels. */
  static boolean takeTargets(Call call, Options options, View targets) {
    boolean labels = call.targets(targets);
    if (!labels && options.hasIgnoreIndex()) {
      throw new OptionException(
          "ignoreIndex is "
              + options.ignoreIndex()
              + ", targets are probability rows "
              + targets
              + ": give class indices, or build the operation without ignoreIndex");
    }
    return labels;
  }

  /** Takes the gradient, which may overwrite the inputs, and what the outputs ask for. */
  static void takeOutputs(
      Call call, Reductions reductions, @Nullable View gradient, Outputs outputs, boolean labels) {
    if (reductions.loss() == Reduction.NONE && outputs.losses == null) {
      throw new OptionException(
          "reduction NONE leaves the losses in a tensor and got none: give an Outcome with"
              + " losses(tensor), or choose SUM or MEAN");
    }
    View hits = outputs.hitsFor(call);
    if (hits != null && !labels) {
      throw new OptionException(
          "hits and correct were asked for, targets are probability rows: give class indices, or do"
              + " not ask for hits");
    }
    if (gradient != null) {
      call.whole(call.gradient, gradient);
    }
    if (outputs.losses != null) {
      call.perRow(call.losses, outputs.losses);
    }
    if (outputs.logSumExp != null) {
      call.perRow(call.logSumExp, outputs.logSumExp);
    }
    if (hits != null) {
      call.flags(call.hits, hits);
    }
    call.writesIfPresent(call.gradient, call.leading());
    call.writesIfPresent(call.losses, null);
    call.writesIfPresent(call.logSumExp, null);
    call.writesIfPresent(call.hits, null);
  }

  /** Refuses labels out of range, the first one by name, and counts the rows that count. */
  static long countLabels(Call call, Engine engine) {
    Kernels kernels = engine.kernels();
    call.counted = 0;
    if (Crew.isAlone(engine.threads(), call.rows)) {
      for (long piece = 0; piece < call.pieces; piece++) {
        call.enter(piece);
        countLabels(call, kernels, 0, call.pieceRows);
      }
    } else {
      call.crew().rows(engine, (own, begin, end) -> countLabels(own, kernels, begin, end), 1);
    }
    return call.counted;
  }

  private static void countLabels(Call call, Kernels kernels, long begin, long end) {
    long step = call.labelsPerKernel();
    for (long row = begin; row < end && !call.isInVain(); row += step) {
      long stop = Math.min(row + step, end);
      Failures.check(
          kernels.checkTargets(
              call.shape,
              call.options,
              row,
              stop,
              call.targets.segment(),
              NULL,
              NULL,
              NULL,
              NULL,
              NULL,
              NULL,
              call.report),
          call);
      call.counted += xent_report.counted(call.report);
    }
  }
}
