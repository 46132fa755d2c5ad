// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.KernelArrays;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.LossPlan;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.Partition.ChunkTask;
import dev.xent.internal.plan.call.Partition.RowTask;
import dev.xent.internal.plan.call.Plan;
import dev.xent.internal.plan.call.PreparedCall;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.TargetKind;
import dev.xent.internal.plan.shard.LongRows;
import dev.xent.internal.plan.shard.Shard;
import org.jspecify.annotations.Nullable;

/** Cross-entropy: chooses the kernels, and the rows and classes of each kernel call. */
public final class CrossEntropyPlan extends LossPlan {
  private static final KernelArrays KERNEL =
      new KernelArrays(
          Function.CROSS_ENTROPY, Array.LOGITS, Array.TARGETS, Array.GRADIENT, Array.LOSSES);
  private static final KernelArrays CHECK =
      new KernelArrays(Function.CHECK_TARGETS, null, Array.TARGETS, null, null);

  private final LongRows longRows;
  private final @Nullable View classWeights;

  /** Whether each row with a label counts once, so that no kernel needs to count. */
  private final boolean countsAllRows;

  private final KernelArrays kernel;
  private final KernelArrays check;
  private final Plan backward = new GradientAlone();
  private final RowTask wholeRows;
  private final RowTask wholeRowsBackward;
  private final RowTask forwardRows = this::forwardRows;
  private final RowTask forwardSplit = this::forwardSplit;
  private final RowTask backwardRows = this::backwardRows;
  private final RowTask backwardSplit = this::backwardSplit;
  private final ChunkTask backwardRange = this::backwardRange;

  public CrossEntropyPlan(Engine engine, LossSpec spec) {
    super(engine, spec, Function.CROSS_ENTROPY, "cross-entropy");
    this.longRows = new LongRows(engine);
    this.classWeights = spec.classWeights();
    this.countsAllRows = classWeights == null && !options.hasIgnoreIndex();
    this.kernel = KERNEL.with(Array.CLASS_WEIGHTS, classWeights);
    this.check = CHECK.with(Array.CLASS_WEIGHTS, classWeights);
    this.wholeRows = new KernelRows(kernels, Losses::kernel);
    this.wholeRowsBackward = new KernelRows(kernels, CrossEntropyPlan::backwardKernel);
  }

  public CrossEntropyPlan withDenominator(double value) {
    return new CrossEntropyPlan(engine, spec.withDenominator(value));
  }

  /** Returns the same loss for log-probabilities instead of logits. */
  public NllPlan onLogProbabilities() {
    options.requireForLogProbabilities(NllRow.NUMBERS);
    return new NllPlan(engine, spec);
  }

  /** Returns the loss for rows whose classes are divided among shards. */
  public Shard onShard(long firstClass, long allClasses) {
    return Shard.ofLoss(engine, spec, firstClass, allClasses);
  }

  @Override
  public String toString() {
    return spec.describe(new Described("CrossEntropy"), engine);
  }

  // ---- forward ---------------------------------------------------------------------------------

  @Override
  public Bound bind(View logits, @Nullable View targets, @Nullable View gradient) {
    return new Bound(this, backward, logits, targets, gradient);
  }

  @Override
  protected void take(Call call, CallArguments arguments) {
    takeInputs(call, arguments);
    takeOutputs(call, Function.CROSS_ENTROPY, arguments.gradient);
  }

  /** Takes the inputs of both passes. */
  private void takeInputs(Call call, CallArguments arguments) {
    Function function = Function.CROSS_ENTROPY;
    call.lead(function, "cross-entropy", arguments.lead, spec.axis(), arguments.inputs);
    takeTargets(call, arguments, function);
  }

  @Override
  protected double weightOfRows(Call call, CallArguments arguments) {
    if (kernelChecks(call, arguments) && isPlain(call, arguments) && call.partition.isOneKernel()) {
      call.validRows = call.dimensions.rows;
      return call.validRows;
    }
    return Losses.weightOfRows(call);
  }

  @Override
  protected void computeRows(Call call, CallArguments arguments) {
    call.partition.run(Function.CROSS_ENTROPY, forwardRows, forwardSplit);
  }

  /**
   * Whether the kernel's own checks of labels suffice: it checks a label before it writes the row,
   * so nothing is written before the last check of a single row, or of a loss without a gradient,
   * whose losses are in the library's memory.
   */
  private boolean kernelChecks(Call call, CallArguments arguments) {
    return countsAllRows && (call.dimensions.rows == 1 || arguments.gradient == null);
  }

  /** Whether the targets are labels, and the call has no other inputs or outputs. */
  private boolean isPlain(Call call, CallArguments arguments) {
    return call.kind == TargetKind.LABELS && arguments.areViewsAlone();
  }

  @Override
  protected void remember(Call call, CallArguments arguments) {
    if (isPlain(call, arguments)
        && PreparedCall.canBeKept(classWeights)
        && call.hasFewLosses()
        && (arguments.gradient == null || call.writesGradient)) {
      View losses = call.fewLosses.view(arguments.lead.type);
      KernelArrays checks = kernelChecks(call, arguments) ? null : check;
      call.remember(
          number, checks, kernel, arguments.lead, arguments.targets, arguments.gradient, losses);
    }
  }

  @Override
  protected boolean runKernels(
      Call call,
      PreparedCall preparedCall,
      View first,
      @Nullable View second,
      @Nullable View third,
      @Nullable Outputs outputs) {
    if (classWeights != null
            && (!Memory.isAccessible(classWeights) || classWeights.sharing(third) >= 0)
        || !preparedCall.check(check, first, second, third)) {
      return false;
    }
    long rows = preparedCall.rows();
    long validRows = countsAllRows ? rows : preparedCall.validRows();
    double weight = countsAllRows ? rows : preparedCall.weightOfRows();
    double denominator = reductions.denominator(weight);
    if (!countsAllRows) {
      if (denominator == 0) {
        return false; // the gradient is 0, or the call fails
      }
      if (third != null) {
        preparedCall.gradientScale(reductions.gradientScale(denominator));
      }
    }
    if (!preparedCall.run(kernel, first, second, third)) {
      return false;
    }
    double sum = call.sumOfFewLosses(first.type, rows, kernels);
    call.result = reductions.reduce(sum, denominator);
    if (outputs != null) {
      outputs.set(call.result, sum, rows, validRows, weight, denominator, -1);
    }
    return true;
  }

  private void forwardRows(Call call, long begin, long end) {
    if (call.partition.rowsPerKernel() == 0) {
      call.records.reserveStatistics(call.pieces);
      for (long row = begin; row < end && !call.partition.isInVain(); row++) {
        forwardLongRows(call, row, row + 1, false);
      }
      return;
    }
    wholeRows.run(call, begin, end);
  }

  private void forwardSplit(Call call, long begin, long end) {
    call.records.reserveStatistics(call.pieces);
    forwardLongRows(call, begin, end, true);
  }

  private void forwardLongRows(Call call, long begin, long end, boolean split) {
    longRows.forward(call, begin, end, split);
    if (call.writesGradient && call.has(Array.GRADIENT)) {
      longRows.each(call, begin, end, split, backwardRange);
    }
  }

  // ---- backward --------------------------------------------------------------------------------

  /** Computes the gradient from statistics that a forward pass saved. */
  private final class GradientAlone extends Backward {
    @Override
    protected void take(Call call, CallArguments arguments) {
      takeInputs(call, arguments);
      call.takeIfPresent(Rule.UPSTREAM_OF_ROWS, arguments.upstream);
      call.take(Rule.GRADIENT, arguments.gradient);
      call.requireWritable();
      call.ready();
    }

    @Override
    protected void computeGradients(Call call) {
      call.partition.run(backwardRows, backwardSplit);
    }
  }

  private void backwardRows(Call call, long begin, long end) {
    call.records.statistics = call.records.savedOf(call.pieces);
    if (call.partition.rowsPerKernel() == 0) {
      longRows.each(call, begin, end, false, backwardRange);
    } else {
      wholeRowsBackward.run(call, begin, end);
    }
  }

  private void backwardSplit(Call call, long begin, long end) {
    call.records.statistics = call.records.savedOf(call.pieces);
    longRows.each(call, begin, end, true, backwardRange);
  }

  private void backwardRange(Call call, long row, long from, long to) {
    Failures.check(kernels.run(backwardKernel(call, row, row + 1).classes(from, to)), call);
  }

  private static FunctionCall backwardKernel(Call call, long row, long rowEnd) {
    return call.kernel(Function.CROSS_ENTROPY_BACKWARD, row, rowEnd)
        .set(Array.STATISTICS, call.records.statistics);
  }
}
