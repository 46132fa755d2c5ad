// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Check;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.LongRows;
import dev.xent.internal.plan.call.LossOperation;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.RowWeights;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.Site;
import dev.xent.internal.plan.call.TargetChecks;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Folds the states of whole rows into statistics, and into losses. Its logits are a stand-in that
 * no kernel reads.
 */
final class FinishOperation extends Operation {
  /**
   * The number of rows on the heap that one kernel call finishes; each takes about a microsecond.
   */
  private static final long FEW_ROWS = 64;

  private final Shard.Part part;

  FinishOperation(Shard.Part part, Function function, int axis) {
    super(function, "finish", part.engine(), part.options(), axis);
    this.part = part;
  }

  /** The operation for the class axis of some states. */
  FinishOperation of(States states) {
    int own = axis < 0 ? axis + states.shape().length : axis;
    return own == states.axis() ? this : new FinishOperation(part, function, states.axis());
  }

  @Override
  protected Function inputs() {
    return Function.FINISH;
  }

  @Override
  protected void take(Check check) {
    check.lead(axis);
    if (part.loss() != null) {
      View targets = check.view(Array.TARGETS);
      if (check.denseTargets()) {
        check.call.kind = TargetKind.LABELS;
      } else {
        check.call.kind = TargetKind.PROBABILITIES;
        options.requireForParts(TargetKind.PROBABILITIES, targets);
      }
      PartOperation.requireWeights(part);
    }
    check.inputs();
    check.outputs();
  }

  @Override
  protected boolean takeKernels(Site site, Checked call) {
    return false;
  }

  @Override
  protected double compute(Run run) {
    Shard.Exchanged records = (Shard.Exchanged) run.extras;
    run.statesOfCaller = true;
    if (part.loss() == null) {
      records.rows = finish(run, records, 0);
      return Double.NaN;
    }
    if (run.call.kind != TargetKind.LABELS) {
      // The states already account for ignored entries.
      run.call.ignores(false);
    }
    Outputs outputs = records.outputs;
    double weight = count(run);
    double denominator = LossOperation.begin(run, weight, part.loss().reductions(), outputs, false);
    records.rows = finish(run, records, weight);
    return records.rows.again() > 0
        ? Double.NaN
        : LossOperation.reduce(run, weight, denominator, part.loss().reductions(), outputs);
  }

  /** Rejects invalid labels and weights. Returns the weight of the rows. */
  private static double count(Run run) {
    if (run.call.kind == TargetKind.LABELS) {
      return TargetChecks.count(run);
    }
    ShardTargets.checkClassWeights(run);
    run.validRows = RowWeights.count(run);
    return RowWeights.sum(run);
  }

  /** Folds the states. Adds their losses to the exact sum of the call. */
  private FinishedRows finish(Run run, Shard.Exchanged records, double countedWeight) {
    States states = records.states;
    FinishedRows first = records.rows;
    MemorySegment exactSum = Arena.ofAuto().allocate(xent_exact_sum.layout());
    MemorySegment statistics =
        Memory.allocateRows(
            Arena.ofAuto(), run.call.dimensions.rows, Records.STATISTICS, "statistics");
    if (part.loss() != null) {
      run.emptyExactSum();
    }
    if (first != null) {
      statistics.copyFrom(first.statistics());
      if (part.loss() != null) {
        Failures.check(kernels.exactSumMerge(run.exactSum(), first.exactSum()), run);
      }
    }
    run.secondRound = first != null;
    long again = 0;
    for (long piece = 0; piece < run.call.pieces.count; piece++) {
      run.enter(piece);
      run.useStates(states.memory());
      run.statistics = PartOperation.ofPiece(run, statistics);
      again += finishPiece(run);
    }
    if (part.loss() != null) {
      exactSum.copyFrom(run.exactSum());
    }
    return new FinishedRows(
        states.kind(),
        states.wide(),
        states.shape(),
        states.axis(),
        again,
        countedWeight,
        statistics,
        exactSum,
        options);
  }

  private static long finishPiece(Run run) {
    long again = 0;
    long rows = run.call.pieces.rows;
    long most = run.call.onHeap ? FEW_ROWS : rows;
    for (long row = 0; row < rows; row += most) {
      long end = Math.min(row + most, rows);
      run.run(LongRows.finish(run, row, end).choice(run.secondRound ? 1 : 0));
      again += xent_report.unfinished(run.report);
    }
    return again;
  }
}
