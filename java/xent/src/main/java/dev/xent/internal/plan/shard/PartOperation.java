// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Check;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.ChunkTask;
import dev.xent.internal.plan.call.Chunks;
import dev.xent.internal.plan.call.LongRows;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.RowTask;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.Site;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Reductions;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * An operation on a range of the classes of longer rows: it computes the states of these classes,
 * or writes their results from the statistics of whole rows.
 */
final class PartOperation extends Operation {
  private final Shard.Part part;
  private final String event;

  /** The array of results; null if the operation computes states. */
  final @Nullable Array result;

  private final LongRows longRows = new LongRows();
  private final RowTask states = this::states;
  private final RowTask results = this::results;
  private final ChunkTask range = this::range;

  /**
   * Creates an operation.
   *
   * @param function the kernel that writes the results; for states the function whose arrays shards
   *     have
   * @param event its name in flight recordings
   * @param result the array of results; null for states
   */
  PartOperation(Shard.Part part, Function function, String event, @Nullable Array result) {
    super(
        function,
        part.loss() == null ? "softmax" : "cross-entropy",
        part.engine(),
        part.options(),
        part.axis());
    this.part = part;
    this.event = event;
    this.result = result;
  }

  @Override
  public String toString() {
    Described text =
        new Described(part.loss() == null ? "SoftmaxShard" : "CrossEntropyShard")
            .with("firstClass", part.firstClass())
            .with("allClasses", part.allClasses());
    if (part.loss() != null) {
      return part.loss().describe(text, engine);
    }
    text.option("axis", axis, -1);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  @Override
  protected String event(int mask) {
    return event;
  }

  /** A gradient does not depend on the sink, which callers pass as in the forward pass. */
  @Override
  protected Function inputs() {
    return part.loss() == null ? Function.SOFTMAX : Function.CROSS_ENTROPY;
  }

  // ---- taking arrays ---------------------------------------------------------------------------

  /**
   * The weights of the classes of this shard, or null; those of all classes if the logits are not a
   * part of them, which {@link #take} then rejects.
   */
  @Nullable View classWeights(View logits) {
    View all = part.classWeights();
    int d = axis < 0 ? axis + logits.rank() : axis;
    if (all == null || all.rank() != 1 || d < 0 || d >= logits.rank()) {
      return all;
    }
    long classes = logits.shape[d];
    boolean inside = part.firstClass() >= 0 && classes <= all.shape[0] - part.firstClass();
    return !inside || all.shape[0] != part.allClasses()
        ? all
        : all.with(part.firstClass() * all.strides[0], new long[] {classes}, all.strides);
  }

  /** Rejects weights that are not those of the classes of all shards. */
  static void requireWeights(Shard.Part part) {
    View all = part.classWeights();
    if (all != null && (all.rank() != 1 || all.shape[0] != part.allClasses())) {
      throw new ShapeException(
          message(
              "classWeights is %s; expected a weight for each class of all shards, in the shape [%d]",
              all, part.allClasses()));
    }
  }

  @Override
  protected void take(Check check) {
    check.lead(axis);
    check.shard(part.firstClass(), part.allClasses());
    if (part.loss() != null) {
      takeTargets(check);
      requireWeights(part);
    }
    check.inputs();
    check.outputs();
  }

  private void takeTargets(Check check) {
    TargetKind kind = check.targets(options);
    options.requireForParts(kind, check.view(Array.TARGETS));
    double smoothing = options.number(OptionRange.LABEL_SMOOTHING);
    if (kind != TargetKind.LABELS && smoothing > 0 && check.has(Array.CLASS_MASK)) {
      throw new OptionException(
          message(
              "labelSmoothing is %s, targets are %s, and classMask is set: a shard has no count of the classes that take part, so use class indices, no mask or no smoothing",
              smoothing, kind.text));
    }
  }

  @Override
  protected boolean takeKernels(Site site, Checked call) {
    return false;
  }

  // ---- computing -------------------------------------------------------------------------------

  @Override
  protected double compute(Run run) {
    Shard.Exchanged records = records(run);
    FinishedRows rows = records.rows;
    if (rows != null) {
      rows.require(run, options);
    }
    if (part.loss() != null) {
      ShardTargets.check(run, options);
    }
    if (result == null) {
      records.states = allocate(run, rows != null);
      run.secondRound = rows != null;
      run.runAlone(states);
      return Double.NaN;
    }
    run.statesOfCaller = true;
    if (part.loss() != null && !scale(run, rows)) {
      Memory.clear(run.view(Array.GRADIENT));
    } else {
      run.runAlone(results);
    }
    return Double.NaN;
  }

  private static Shard.Exchanged records(Run run) {
    return (Shard.Exchanged) run.extras;
  }

  /** Sets the scale of the gradient. Returns false if it is +0 everywhere. */
  private boolean scale(Run run, FinishedRows rows) {
    Reductions reductions = part.loss().reductions();
    double scale =
        reductions.gradientScale(reductions.denominator(rows.countedWeight(), false, true));
    if (Double.isNaN(scale)) {
      return false;
    }
    run.call.scale(scale);
    return true;
  }

  private States allocate(Run run, boolean second) {
    long[] shape = run.view(Array.LOGITS).shape.clone();
    int d = run.call.dimensions.axis;
    shape[d] = part.allClasses();
    long chunk = part.firstClass() / Chunks.SIZE;
    return States.allocate(
        States.kindOf(run.call.kind),
        run.call.leadType() == ElementType.F64,
        second,
        shape,
        d,
        chunk,
        chunk + Chunks.of(run.call.dimensions.classes));
  }

  private void states(Run run, long begin, long end) {
    run.useStates(records(run).states.memory());
    useStatistics(run);
    longRows.states(run, end, !run.isAlone());
  }

  private void results(Run run, long begin, long end) {
    useStatistics(run);
    longRows.each(run, begin, end, !run.isAlone(), range);
  }

  /** Uses the statistics of the rows of the current piece. */
  private static void useStatistics(Run run) {
    FinishedRows rows = records(run).rows;
    if (rows != null) {
      run.statistics = ofPiece(run, rows.statistics());
    }
  }

  /** The statistics of the rows of the current piece, and all later ones. */
  static MemorySegment ofPiece(Run run, MemorySegment statistics) {
    return statistics.asSlice(run.firstRow * Records.STATISTICS);
  }

  private void range(Run run, long row, long from, long to) {
    run.run(
        run.kernel(function, row, row + 1).classes(from, to).set(Array.STATISTICS, run.statistics));
  }
}
