// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.KernelArrays;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.Partition.ChunkWork;
import dev.xent.internal.plan.call.Partition.RowWork;
import dev.xent.internal.plan.call.PreparedCall;
import dev.xent.internal.plan.nll.NllPlan;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.Reductions;
import dev.xent.internal.plan.options.TargetKind;
import dev.xent.internal.plan.shard.LongRows;
import dev.xent.internal.plan.shard.LossShardPlan;
import org.jspecify.annotations.Nullable;

/** Cross-entropy: chooses the kernels, and the rows and classes of each kernel call. */
public final class CrossEntropyPlan {
  private static final KernelArrays KERNEL =
      new KernelArrays(
          Function.CROSS_ENTROPY, Array.LOGITS, Array.TARGETS, Array.GRADIENT, Array.LOSSES);
  private static final KernelArrays CHECK =
      new KernelArrays(Function.CHECK_TARGETS, null, Array.TARGETS, null, null);

  private final Engine engine;
  private final Kernels kernels;
  private final LongRows longRows;
  private final LossSpec spec;
  private final Options options;
  private final Reductions reductions;
  private final @Nullable View classWeights;

  /** Whether each row with a label counts once, so that no kernel needs to count. */
  private final boolean countsAllRows;

  private final KernelArrays kernel;
  private final KernelArrays check;
  private final Operation forward;
  private final Operation backward;
  private final RowWork wholeRows;
  private final RowWork wholeRowsBackward;
  private final RowWork forwardRows = this::forwardRows;
  private final RowWork forwardShared = this::forwardShared;
  private final RowWork backwardRows = this::backwardRows;
  private final RowWork backwardShared = this::backwardShared;
  private final ChunkWork backwardRange = this::backwardRange;

  public CrossEntropyPlan(Engine engine, LossSpec spec) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.longRows = new LongRows(engine);
    this.spec = spec;
    this.options = spec.options();
    this.reductions = spec.reductions();
    this.classWeights = spec.classWeights();
    this.countsAllRows = classWeights == null && !options.hasIgnoreIndex();
    this.kernel = KERNEL.with(Array.CLASS_WEIGHTS, classWeights);
    this.check = CHECK.with(Array.CLASS_WEIGHTS, classWeights);
    this.forward = new Forward(engine);
    this.backward = new Backward(engine);
    this.wholeRows = new KernelRows(kernels, Losses::kernel);
    this.wholeRowsBackward = new KernelRows(kernels, CrossEntropyPlan::backwardKernel);
  }

  /** Returns a copy with another denominator. */
  public CrossEntropyPlan withDenominator(double value) {
    return new CrossEntropyPlan(engine, spec.withDenominator(value));
  }

  /** The class axis. */
  public int axis() {
    return spec.axis();
  }

  /** Returns the same loss for log-probabilities instead of logits. */
  public NllPlan onLogProbabilities() {
    options.requireForLogProbabilities(NllPlan.NUMBERS);
    return new NllPlan(engine, spec);
  }

  /** Returns the loss for rows whose classes are divided among shards. */
  public LossShardPlan onShard(long firstClass, long allClasses) {
    return new LossShardPlan(engine, spec, firstClass, allClasses);
  }

  @Override
  public String toString() {
    return spec.describe(new Described("CrossEntropy"), engine);
  }

  // ---- forward ---------------------------------------------------------------------------------

  /** Returns the reduced loss, and writes its gradient unless it is null. */
  public double forward(View logits, View targets, @Nullable View gradient) {
    return forward.run(logits, targets, gradient);
  }

  /** Creates a bound call of {@link #forward}. */
  public Bound bind(View logits, View targets) {
    return new Bound(forward, backward, logits, targets, null);
  }

  private final class Forward extends Operation {
    Forward(Engine engine) {
      super(engine);
    }

    @Override
    protected String event(CallArguments given) {
      return given.gradient == null ? "cross-entropy" : "cross-entropy with gradient";
    }

    @Override
    protected void take(Call call, CallArguments given) {
      Outputs outputs = call.outputs();
      TargetKind kind = CrossEntropyPlan.this.take(call, given);
      Losses.takeOutputs(call, Function.CROSS_ENTROPY, given.gradient, outputs, kind);
      Losses.keepFewLosses(call, outputs, given.lead.type);
      call.ready();
    }

    @Override
    protected double compute(Call call, CallArguments given) {
      Outputs outputs = call.outputs();
      TargetKind kind = call.kind;
      call.options(options, options.ignoresIn(kind));
      boolean checked =
          Losses.needsNoCheck(call, kind)
              || kernelChecks(call, given) && isPlain(call, given) && call.partition.isOneKernel();
      double count = Losses.weightOfRows(call, checked);
      boolean gradients = given.gradient != null || outputs.has(Array.TARGET_GRADIENT);
      Losses.beginReduction(count, call, reductions, outputs, gradients);
      if (call.writesGradient) {
        call.options(options, options.ignoresIn(kind), call.scale);
      }
      call.records.saved = outputs.statisticsFor(call.dimensions.rows);
      call.partition.run(Function.CROSS_ENTROPY, forwardRows, forwardShared);
      double reduced = Losses.reduce(count, call, reductions, outputs);
      outputs.saved(call, call.records.saved, kind, options);
      return reduced;
    }

    /**
     * Whether the kernel's own checks of labels suffice: it checks a label before it writes the
     * row, so nothing is written before the last check of a single row, or of a loss without a
     * gradient, whose losses are in the library's memory.
     */
    private boolean kernelChecks(Call call, CallArguments given) {
      return countsAllRows && (call.dimensions.rows == 1 || given.gradient == null);
    }

    /** Whether the targets are labels, and the call has no other inputs or outputs. */
    private boolean isPlain(Call call, CallArguments given) {
      return call.kind == TargetKind.LABELS && given.areViewsAlone();
    }

    @Override
    protected void remember(Call call, CallArguments given) {
      if (isPlain(call, given)
          && PreparedCall.canBeKept(classWeights)
          && call.hasFewLosses()
          && (given.gradient == null || call.writesGradient)) {
        View losses = call.fewLosses.view(given.lead.type);
        KernelArrays checks = kernelChecks(call, given) ? null : check;
        call.remember(number, checks, kernel, given.lead, given.targets, given.gradient, losses);
      }
    }

    @Override
    protected boolean runKernels(
        Call call,
        PreparedCall prepared,
        View a,
        @Nullable View b,
        @Nullable View c,
        @Nullable Outputs outputs) {
      if (classWeights != null
              && (!Memory.isAccessible(classWeights) || classWeights.sharing(c) >= 0)
          || !prepared.check(check, a, b, c)) {
        return false;
      }
      long rows = prepared.rows();
      long validRows = countsAllRows ? rows : prepared.validRows();
      double weight = countsAllRows ? rows : prepared.weightOfRows();
      double denominator = reductions.denominator(weight);
      if (!countsAllRows) {
        if (denominator == 0) {
          return false; // the gradient is 0, or the call fails
        }
        if (c != null) {
          prepared.gradientScale(reductions.gradientScale(denominator));
        }
      }
      if (!prepared.run(kernel, a, b, c)) {
        return false;
      }
      double sum = call.sumOfFewLosses(a.type, rows, kernels);
      call.result = reductions.reduce(sum, denominator);
      if (outputs != null) {
        outputs.set(call.result, sum, rows, validRows, weight, denominator, -1);
      }
      return true;
    }
  }

  /** Takes the inputs of a loss. */
  private TargetKind take(Call call, CallArguments given) {
    InputViews inputs = given.inputs;
    Losses.lead(call, Function.CROSS_ENTROPY, "cross-entropy", given.lead, spec.axis(), inputs);
    TargetKind kind = Losses.takeTargets(call, options, given.targets, inputs);
    call.takeInputs(Function.CROSS_ENTROPY, inputs);
    call.takeIfGiven(Rule.CLASS_WEIGHTS, classWeights);
    return kind;
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

  private void forwardShared(Call call, long begin, long end) {
    call.records.reserveStatistics(call.pieces);
    forwardLongRows(call, begin, end, true);
  }

  private void forwardLongRows(Call call, long begin, long end, boolean shared) {
    longRows.forward(call, begin, end, shared);
    if (call.writesGradient && call.has(Array.GRADIENT)) {
      longRows.each(call, begin, end, shared, backwardRange);
    }
  }

  // ---- backward --------------------------------------------------------------------------------

  /** Computes the gradient from statistics that a forward pass saved. */
  private final class Backward extends Operation {
    Backward(Engine engine) {
      super(engine);
    }

    @Override
    protected String event(CallArguments given) {
      return "cross-entropy backward";
    }

    @Override
    protected void take(Call call, CallArguments given) {
      View gradient = NullChecks.tensor(given.gradient, "gradient");
      CrossEntropyPlan.this.take(call, given);
      call.takeIfGiven(Rule.UPSTREAM_OF_ROWS, given.upstream);
      call.take(Rule.GRADIENT, gradient);
      call.requireWritable();
      call.ready();
    }

    @Override
    protected double compute(Call call, CallArguments given) {
      TargetKind kind = call.kind;
      call.records.saved = given.saved.statisticsOf(call, kind, options);
      boolean scaled = Losses.scaleGradient(given.saved.countedWeight, call, reductions);
      call.options(options, options.ignoresIn(kind), call.scale);
      Losses.weightOfRows(call, Losses.needsNoCheck(call, kind));
      if (scaled) {
        call.partition.run(backwardRows, backwardShared);
      } else {
        Memory.clear(given.gradient);
      }
      return Double.NaN;
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

  private void backwardShared(Call call, long begin, long end) {
    call.records.statistics = call.records.savedOf(call.pieces);
    longRows.each(call, begin, end, true, backwardRange);
  }

  private void backwardRange(Call call, long row, long from, long to) {
    Failures.check(kernels.run(backwardKernel(call, row, row + 1).classes(from, to)), call);
  }

  private static Work backwardKernel(Call call, long row, long rowEnd) {
    return call.kernel(Function.CROSS_ENTROPY_BACKWARD, row, rowEnd)
        .set(Array.STATISTICS, call.records.statistics);
  }
}
