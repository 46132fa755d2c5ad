// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.Chunks;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.Partition.ChunkTask;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Methods that losses and softmax share for rows whose classes are divided among shards. */
final class Shards {
  /**
   * The number of rows on the heap that one kernel call finishes; each takes about a microsecond.
   */
  private static final long FEW_ROWS = 64;

  private Shards() {}

  // ---- states ----------------------------------------------------------------------------------

  /**
   * Computes the states of a call that is ready, of all its rows or of those that need a second
   * round.
   */
  static States states(
      Call call, Engine engine, @Nullable TargetKind kind, @Nullable FinishedRows first) {
    Dimensions dimensions = call.dimensions;
    long[] shape = call.lead().shape.clone();
    shape[dimensions.axis] = call.allClasses;
    long chunk = call.firstClass / Chunks.SIZE;
    States states =
        States.allocate(
            States.kindOf(kind),
            call.lead().type == ElementType.F64,
            first != null,
            shape,
            dimensions.axis,
            chunk,
            chunk + Chunks.of(dimensions.classes));
    LongRows longRows = new LongRows(engine);
    boolean split = !call.partition.isAlone(engine.threads());
    call.records.secondRound = first != null;
    for (long piece = 0; piece < call.pieces.count; piece++) {
      call.enter(piece);
      call.records.useStates(states.memory(), call.pieces, dimensions.classes);
      useStatistics(call, first);
      longRows.states(call, call.pieces.rows, split);
    }
    return states;
  }

  /** Uses the statistics of the rows of the current piece. */
  static void useStatistics(Call call, @Nullable FinishedRows rows) {
    if (rows != null) {
      call.records.statistics =
          rows.statistics().asSlice(call.pieces.firstRow * Records.STATISTICS);
    }
  }

  /** Processes all class ranges of all rows, with their statistics. */
  static void write(Call call, Engine engine, FinishedRows rows, ChunkTask task) {
    LongRows longRows = new LongRows(engine);
    boolean split = !call.partition.isAlone(engine.threads());
    for (long piece = 0; piece < call.pieces.count; piece++) {
      call.enter(piece);
      useStatistics(call, rows);
      longRows.each(call, 0, call.pieces.rows, split, task);
    }
  }

  // ---- finishing -------------------------------------------------------------------------------

  /**
   * A stand-in for the logits of whole rows, which no process has; the kernels do not read them.
   */
  static View unseen(States states) {
    ElementType type = states.wide() ? ElementType.F64 : ElementType.F32;
    return View.of(
        Memory.allocate(Arena.ofAuto(), type, 1),
        type,
        states.shape(),
        new long[states.shape().length],
        null);
  }

  /** Rejects states that cannot be finished, and inputs that are already included in the states. */
  static void requireForFinish(
      States states,
      InputViews inputs,
      @Nullable FinishedRows first,
      Options options,
      boolean ofTargets) {
    states.require(ofTargets, first != null);
    if (first != null) {
      first.require(states);
      first.require(options);
    }
    inputs.requireFor(Function.FINISH, "finish");
  }

  /**
   * Folds the states of whole rows, in a call that is ready. Adds their losses to the exact sum of
   * the call.
   */
  static FinishedRows finish(
      Call call,
      Engine engine,
      States states,
      double countedWeight,
      @Nullable FinishedRows first,
      Options options) {
    MemorySegment statistics =
        Memory.allocateRows(Arena.ofAuto(), call.dimensions.rows, Records.STATISTICS, "statistics");
    MemorySegment exactSum = Arena.ofAuto().allocate(xent_exact_sum.layout());
    if (kindIsLoss(states)) {
      call.emptyExactSum();
    }
    if (first != null) {
      statistics.copyFrom(first.statistics());
      if (kindIsLoss(states)) {
        Failures.check(engine.kernels().exactSumMerge(call.exactSum(), first.exactSum()), call);
      }
    }
    long again = 0;
    for (long piece = 0; piece < call.pieces.count; piece++) {
      call.enter(piece);
      call.records.useStates(states.memory(), call.pieces, call.dimensions.classes);
      call.records.statistics = statistics.asSlice(call.pieces.firstRow * Records.STATISTICS);
      again += finishPiece(call, engine, first != null);
    }
    if (kindIsLoss(states)) {
      exactSum.copyFrom(call.exactSum());
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

  private static boolean kindIsLoss(States states) {
    return states.kind() != null;
  }

  private static long finishPiece(Call call, Engine engine, boolean second) {
    long again = 0;
    long step = call.onHeap ? FEW_ROWS : call.pieces.rows;
    for (long row = 0; row < call.pieces.rows; row += step) {
      FunctionCall kernel = LongRows.finish(call, row, Math.min(row + step, call.pieces.rows));
      Failures.check(engine.kernels().run(kernel.choice(second ? 1 : 0)), call);
      again += xent_report.unfinished(call.report);
    }
    return again;
  }
}
