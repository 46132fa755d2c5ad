// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Check;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.ChunkTask;
import dev.xent.internal.plan.call.LongRows;
import dev.xent.internal.plan.call.LossBinding;
import dev.xent.internal.plan.call.LossOperation;
import dev.xent.internal.plan.call.RowTask;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.TargetChecks;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.TargetKind;
import dev.xent.internal.plan.shard.Shard;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Cross-entropy, or its backward pass: chooses the kernels, and their rows and classes. */
public final class CrossEntropyOperation extends LossOperation {
  /** The arrays of a call whose only contents to check are labels. */
  private static final long PLAIN =
      ArrayViews.bit(Array.LOGITS)
          | ArrayViews.bit(Array.TARGETS)
          | ArrayViews.bit(Array.LOSSES)
          | ArrayViews.bit(Array.GRADIENT);

  private final @Nullable View classWeights;
  private final int arrays;
  private final int withGradient;
  private final LongRows longRows = new LongRows();
  private final RowTask rows = this::rows;
  private final RowTask splitRows = this::splitRows;
  private final ChunkTask range = this::range;

  public CrossEntropyOperation(Engine engine, LossSpec spec) {
    this(Function.CROSS_ENTROPY, "cross-entropy", engine, spec);
  }

  private CrossEntropyOperation(Function function, String name, Engine engine, LossSpec spec) {
    super(function, name, engine, spec);
    this.classWeights = spec.classWeights();
    this.arrays =
        mask(Array.LOGITS, Array.TARGETS) | (classWeights == null ? 0 : mask(Array.CLASS_WEIGHTS));
    this.withGradient = arrays | mask(Array.GRADIENT);
  }

  @Override
  protected boolean isForward() {
    return function == Function.CROSS_ENTROPY;
  }

  @Override
  protected LossOperation backward() {
    return new CrossEntropyOperation(
        Function.CROSS_ENTROPY_BACKWARD, name + " backward", engine, spec);
  }

  public CrossEntropyOperation withDenominator(double value) {
    return new CrossEntropyOperation(engine, spec.withDenominator(value));
  }

  /** Returns the same loss for log-probabilities instead of logits. */
  public NllOperation onLogProbabilities() {
    options.requireForLogProbabilities(NllRow.NUMBERS);
    return new NllOperation(engine, spec);
  }

  /** Returns the loss for rows whose classes are divided among shards. */
  public Shard onShard(long firstClass, long allClasses) {
    return Shard.ofLoss(engine, spec, firstClass, allClasses);
  }

  @Override
  public String toString() {
    return spec.describe(new Described("CrossEntropy"), engine);
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** Returns the loss, and writes its gradient unless that is null. */
  public double loss(View logits, View targets, @Nullable View gradient) {
    View w = classWeights;
    return gradient == null
        ? run(arrays, logits, targets, w, null, null, null, null, 0, null)
        : run(withGradient, logits, targets, gradient, w, null, null, null, 0, null);
  }

  /** Creates a bound call, which writes a gradient unless that is null. */
  public LossBinding bind(View logits, View targets, @Nullable View gradient) {
    return new LossBinding(this, null, withGradient, logits, targets, gradient, classWeights);
  }

  @Override
  protected String nameOfOperation() {
    return "cross-entropy";
  }

  @Override
  protected Function inputs() {
    return Function.CROSS_ENTROPY;
  }

  @Override
  protected void take(Check check) {
    check.lead(axis);
    takeTargets(check);
    if (isForward()) {
      requireOutputsOf(check.requestedOutputs(), check.call.kind);
      takeOutputs(check, check.lead().type);
    } else {
      check.outputs();
    }
  }

  /**
   * The kernel's own checks of labels suffice if each row counts once: it checks a label before it
   * writes the row, so nothing is written before the last check of a single row, or of a loss
   * without a gradient, whose losses are in the library's memory.
   */
  @Override
  protected boolean checksFirst(Checked call) {
    boolean plain =
        call.kind == TargetKind.LABELS
            && !options.hasIgnoreIndex()
            && call.hasOnly(PLAIN)
            && !call.addsToSum();
    return !(plain && (call.dimensions.rows == 1 || !call.has(Array.GRADIENT)))
        && !TargetChecks.needNone(call);
  }

  @Override
  protected double weightOfRows(Run run) {
    return TargetChecks.weightOfRows(run);
  }

  @Override
  protected void computeRows(Run run) {
    run.run(rows, splitRows);
  }

  @Override
  protected void computeGradients(Run run) {
    run.run(rows, splitRows);
  }

  private void rows(Run run, long begin, long end) {
    long most = run.rowsPerKernel();
    if (most == 0) {
      reserveStatistics(run);
      for (long row = begin; row < end && !run.isInVain(); row++) {
        longRows(run, row, row + 1, false);
      }
      return;
    }
    for (long row = begin; row < end && !run.isInVain(); row += most) {
      run.run(kernel(run, row, Math.min(row + most, end)));
    }
  }

  private FunctionCall kernel(Run run, long row, long rowEnd) {
    FunctionCall kernel =
        run.kernel(function, row, rowEnd).set(Array.STATISTICS, run.savedOfPiece());
    if (isForward()) {
      kernel.set(Array.EXACT_SUM, run.exactSum());
      if (!run.writesGradient) {
        kernel
            .set(Array.GRADIENT, MemorySegment.NULL)
            .set(Array.TARGET_GRADIENT, MemorySegment.NULL);
      }
    }
    return kernel;
  }

  private void splitRows(Run run, long begin, long end) {
    reserveStatistics(run);
    longRows(run, begin, end, true);
  }

  private void reserveStatistics(Run run) {
    if (isForward()) {
      run.reserveStatistics();
    } else {
      run.statistics = run.savedOfPiece();
    }
  }

  private void longRows(Run run, long begin, long end, boolean split) {
    if (isForward()) {
      longRows.forward(run, begin, end, split);
    }
    if (run.writesGradient && run.has(Array.GRADIENT)) {
      longRows.each(run, begin, end, split, range);
    }
  }

  private void range(Run run, long row, long from, long to) {
    run.run(
        run.kernel(Function.CROSS_ENTROPY_BACKWARD, row, row + 1)
            .classes(from, to)
            .set(Array.STATISTICS, run.statistics));
  }
}
