// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.KernelArrays;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.Partition.ChunkTask;
import dev.xent.internal.plan.call.Partition.RowTask;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.shard.LongRows;

/**
 * A pass over all rows with one kernel. Long rows are processed in class ranges, after their
 * statistics have been computed.
 */
abstract class SoftmaxPass extends AxisPlan {
  final Function function;
  final LongRows longRows;
  private final RowTask wholeRows = new KernelRows(kernels, this::kernel);
  private final RowTask rows = this::rows;
  private final RowTask splitRows = this::splitRows;
  private final ChunkTask range = this::range;

  SoftmaxPass(Engine engine, Options options, int axis, KernelArrays kernel) {
    super(engine, options, axis, kernel);
    this.function = kernel.function();
    this.longRows = new LongRows(engine);
  }

  /** Computes the statistics of long rows, and writes the log-sum-exp with them. */
  abstract void statistics(Call call, long begin, long end, boolean split);

  @Override
  protected double compute(Call call, CallArguments arguments) {
    call.structs.options(options, false, 1);
    call.partition.run(function, rows, splitRows);
    return Double.NaN;
  }

  private void rows(Call call, long begin, long end) {
    if (call.partition.rowsPerKernel() == 0) {
      call.records.reserveStatistics(call.pieces);
      for (long row = begin; row < end && !call.partition.isInVain(); row++) {
        inRanges(call, row, row + 1, false);
      }
    } else {
      wholeRows.run(call, begin, end);
    }
  }

  private FunctionCall kernel(Call call, long row, long rowEnd) {
    return call.kernel(function, row, rowEnd);
  }

  private void splitRows(Call call, long begin, long end) {
    call.records.reserveStatistics(call.pieces);
    inRanges(call, begin, end, true);
  }

  private void inRanges(Call call, long begin, long end, boolean split) {
    statistics(call, begin, end, split);
    if (function != Function.LOG_SUM_EXP) {
      longRows.each(call, begin, end, split, range);
    }
  }

  private void range(Call call, long row, long from, long to) {
    FunctionCall kernel =
        kernel(call, row, row + 1).classes(from, to).set(Array.STATISTICS, call.records.statistics);
    Failures.check(kernels.run(kernel), call);
  }
}
