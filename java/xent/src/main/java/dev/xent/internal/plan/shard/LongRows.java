// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.Chunks;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.Partition.ChunkTask;
import dev.xent.internal.plan.call.RowWeights;
import dev.xent.internal.plan.options.Engine;

/**
 * Rows that are processed in class ranges: rows of Java arrays that are too long for one kernel
 * call, and rows that several threads divide. First the states of all ranges are computed, then the
 * statistics, then the outputs.
 */
public final class LongRows {
  private final Engine engine;
  private final Kernels kernels;
  private final ChunkTask forwardStates = this::forwardStates;
  private final ChunkTask softmaxStates = this::softmaxStates;
  private final ChunkTask logSoftmaxStates = this::logSoftmaxStates;

  public LongRows(Engine engine) {
    this.engine = engine;
    this.kernels = engine.kernels();
  }

  /** Processes all class ranges of some rows; if {@code split}, of all rows of the piece. */
  public void each(Call call, long begin, long end, boolean split, ChunkTask task) {
    if (split) {
      call.partition.workers().chunks(engine, task);
    } else {
      long perRow = Chunks.of(call.dimensions.classes);
      call.partition.chunks(task, begin * perRow, end * perRow);
    }
  }

  // ---- the first pass --------------------------------------------------------------------------

  /**
   * The first pass of forward operations; writes the losses, log-sum-exp and correct rows that the
   * call has.
   */
  public void forward(Call call, long begin, long end, boolean split) {
    call.records.reserveStates(begin, end, call.dimensions.classes);
    call.records.secondRound = false;
    each(call, begin, end, split, forwardStates);
    finishForward(call, begin, end, 0);
    if (xent_report.unfinished(call.report) > 0) {
      call.records.secondRound = true;
      each(call, begin, end, split, forwardStates);
      finishForward(call, begin, end, 1);
    }
  }

  private void forwardStates(Call call, long row, long from, long to) {
    // These states do not depend on row weights: the targets of a row with weight 0 may be out of
    // range.
    ZeroWeightRow weightless =
        RowWeights.isWeightless(call, row) ? ZeroWeightRow.of(call, row) : null;
    FunctionCall kernel = call.kernel(Function.FORWARD_STATES, row, row + 1).classes(from, to);
    if (weightless != null) {
      kernel.structs(weightless.shape, weightless.options);
    }
    if (call.records.secondRound) {
      kernel.set(Array.STATISTICS, call.records.statistics);
    }
    kernel.set(Array.STATES, call.records.states(row, call.dimensions.classes));
    Failures.check(kernels.run(kernel), call);
  }

  /** Computes the results of rows from their states. */
  public void finishForward(Call call, long begin, long end, int secondRound) {
    Failures.check(kernels.run(finish(call, begin, end).choice(secondRound)), call);
  }

  /** The arguments of the kernel that folds the states of some rows. */
  static FunctionCall finish(Call call, long begin, long end) {
    return call.kernel(Function.FINISH, begin, end)
        .set(Array.STATES, call.records.states(begin, call.dimensions.classes))
        .set(Array.STATISTICS, call.records.statistics)
        .set(Array.EXACT_SUM, call.exactSum());
  }

  /** The first pass of the backward pass of softmax or log-softmax. */
  public void backward(Call call, long begin, long end, boolean split, boolean log) {
    call.records.reserveStates(begin, end, call.dimensions.classes);
    each(call, begin, end, split, log ? logSoftmaxStates : softmaxStates);
    Failures.check(kernels.run(finish(call, begin, end)), call);
  }

  private void softmaxStates(Call call, long row, long from, long to) {
    Failures.check(kernels.run(backwardStates(call, row, from, to)), call);
  }

  private void logSoftmaxStates(Call call, long row, long from, long to) {
    Failures.check(kernels.run(backwardStates(call, row, from, to).set(Array.OUTPUT, NULL)), call);
  }

  private static FunctionCall backwardStates(Call call, long row, long from, long to) {
    return call.kernel(Function.BACKWARD_STATES, row, row + 1)
        .classes(from, to)
        .set(Array.STATES, call.records.states(row, call.dimensions.classes));
  }
}
