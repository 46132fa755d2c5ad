// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;

/**
 * Rows that are processed in class ranges: rows of Java arrays that are too long for one kernel
 * call, and rows that several threads divide. First the states of all ranges are computed, then the
 * statistics, then the outputs.
 */
public final class LongRows {
  private final ChunkTask forwardStates = this::forwardStates;
  private final ChunkTask softmaxStates = this::softmaxStates;
  private final ChunkTask logSoftmaxStates = this::logSoftmaxStates;

  public LongRows() {}

  /** Processes all class ranges of some rows; if {@code split}, of all rows of the piece. */
  public void each(Run run, long begin, long end, boolean split, ChunkTask task) {
    if (split) {
      run.team().chunks(task);
    } else {
      long perRow = Chunks.of(run.call.dimensions.classes);
      run.chunks(task, begin * perRow, end * perRow);
    }
  }

  // ---- the first pass --------------------------------------------------------------------------

  /**
   * The first pass of forward operations; writes the losses, log-sum-exp and correct rows that the
   * call has.
   */
  public void forward(Run run, long begin, long end, boolean split) {
    run.reserveStates(begin, end);
    run.secondRound = false;
    each(run, begin, end, split, forwardStates);
    finishForward(run, begin, end, 0);
    if (xent_report.unfinished(run.report) > 0) {
      run.secondRound = true;
      each(run, begin, end, split, forwardStates);
      finishForward(run, begin, end, 1);
    }
  }

  /**
   * Computes the states of all rows of the piece, or of rows that need a second round, in memory of
   * the call.
   */
  public void states(Run run, long rows, boolean split) {
    each(run, 0, rows, split, forwardStates);
  }

  private void forwardStates(Run run, long row, long from, long to) {
    // These states do not depend on row weights: the targets of a row with weight 0 may be out of
    // range.
    ZeroWeightRow weightless =
        RowWeights.isWeightless(run, row) ? ZeroWeightRow.of(run, row) : null;
    FunctionCall kernel = run.kernel(Function.FORWARD_STATES, row, row + 1).classes(from, to);
    if (weightless != null) {
      kernel.structs(weightless.shape, weightless.options);
    }
    if (run.secondRound) {
      kernel.set(Array.STATISTICS, run.statistics);
    }
    kernel.set(Array.STATES, run.states(row));
    run.run(kernel);
  }

  /** Computes the results of rows from their states. */
  public void finishForward(Run run, long begin, long end, int secondRound) {
    run.run(finish(run, begin, end).choice(secondRound));
  }

  /** The arguments of the kernel that folds the states of some rows. */
  public static FunctionCall finish(Run run, long begin, long end) {
    return run.kernel(Function.FINISH, begin, end)
        .set(Array.STATES, run.states(begin))
        .set(Array.STATISTICS, run.statistics)
        .set(Array.EXACT_SUM, run.exactSum());
  }

  /** The first pass of the backward pass of softmax or log-softmax. */
  public void backward(Run run, long begin, long end, boolean split, boolean log) {
    run.reserveStates(begin, end);
    each(run, begin, end, split, log ? logSoftmaxStates : softmaxStates);
    run.run(finish(run, begin, end));
  }

  private void softmaxStates(Run run, long row, long from, long to) {
    run.run(backwardStates(run, row, from, to));
  }

  private void logSoftmaxStates(Run run, long row, long from, long to) {
    run.run(backwardStates(run, row, from, to).set(Array.OUTPUT, NULL));
  }

  private static FunctionCall backwardStates(Run run, long row, long from, long to) {
    return run.kernel(Function.BACKWARD_STATES, row, row + 1)
        .classes(from, to)
        .set(Array.STATES, run.states(row));
  }
}
