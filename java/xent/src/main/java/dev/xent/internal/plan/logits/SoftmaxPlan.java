// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.KernelArrays;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.Partition.ChunkWork;
import dev.xent.internal.plan.call.Partition.RowWork;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.shard.LongRows;
import dev.xent.internal.plan.shard.SoftmaxShardPlan;
import org.jspecify.annotations.Nullable;

/**
 * Softmax, log-softmax and log-sum-exp: chooses the kernels, and the rows and classes of each
 * kernel call.
 */
public final class SoftmaxPlan {
  private final Engine engine;
  private final LongRows longRows;
  private final Options options;
  private final int axis;
  private final Kind kind;
  private final Pass forward;
  private final @Nullable Pass backward;

  private SoftmaxPlan(Engine engine, Options options, int axis, Kind kind) {
    this.engine = engine;
    this.longRows = new LongRows(engine);
    this.options = options;
    this.axis = axis;
    this.kind = kind;
    this.forward = new Forward(engine);
    this.backward = kind.backward == null ? null : new Backward(engine, kind.backward);
  }

  /** Softmax, {@code exp(x) / sum exp(x)}. */
  public static SoftmaxPlan softmax(Engine engine, Options options, int axis) {
    return new SoftmaxPlan(engine, options, axis, Kind.SOFTMAX);
  }

  /** Log-softmax, {@code x - log sum exp(x)}. */
  public static SoftmaxPlan logSoftmax(Engine engine, Options options, int axis) {
    return new SoftmaxPlan(engine, options, axis, Kind.LOG_SOFTMAX);
  }

  /** Log-sum-exp, {@code log sum exp(x)}: one number per row. */
  public static SoftmaxPlan logSumExp(Engine engine, Options options, int axis) {
    return new SoftmaxPlan(engine, options, axis, Kind.LOG_SUM_EXP);
  }

  private enum Kind {
    SOFTMAX("Softmax", "softmax", Function.SOFTMAX, Rule.OUTPUT_ARRAY, Function.SOFTMAX_BACKWARD),
    LOG_SOFTMAX(
        "LogSoftmax",
        "log-softmax",
        Function.LOG_SOFTMAX,
        Rule.OUTPUT_ARRAY,
        Function.LOG_SOFTMAX_BACKWARD),
    LOG_SUM_EXP("LogSumExp", "log-sum-exp", Function.LOG_SUM_EXP, Rule.LOG_SUM_EXP, null);

    final String type;
    final String event;
    final Function forward;
    final Rule output;
    final @Nullable Function backward;

    Kind(String type, String event, Function forward, Rule output, @Nullable Function backward) {
      this.type = type;
      this.event = event;
      this.forward = forward;
      this.output = output;
      this.backward = backward;
    }

    boolean isLog() {
      return this == LOG_SOFTMAX;
    }
  }

  /** The class axis. */
  public int axis() {
    return axis;
  }

  @Override
  public String toString() {
    Described text = new Described(kind.type).option("axis", axis, -1);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  /** Returns the operation for rows whose classes are divided among shards. */
  public SoftmaxShardPlan onShard(long firstClass, long allClasses) {
    return new SoftmaxShardPlan(engine, options, axis, kind.isLog(), firstClass, allClasses);
  }

  /** Writes y, or one number per row. */
  public void forward(View logits, View output) {
    forward.run(logits, output, null);
  }

  /** Creates a bound call of {@link #forward}. */
  public Bound bind(View logits, View output) {
    return new Bound(forward, logits, output, null);
  }

  /** Writes dx. */
  public void backward(View output, View upstream, View gradient) {
    backward.run(output, upstream, gradient);
  }

  /** Creates a bound call of {@link #backward}. */
  public Bound bindBackward(View output, View upstream, View gradient) {
    return new Bound(backward, output, upstream, gradient);
  }

  /**
   * A pass over all rows with one kernel. Long rows are processed in class ranges, after their
   * statistics have been computed.
   */
  private abstract class Pass extends Operation {
    final Function function;
    private final RowWork wholeRows = new KernelRows(kernels, this::kernel);
    private final RowWork rows = this::rows;
    private final RowWork sharedRows = this::sharedRows;
    private final ChunkWork range = this::range;

    /**
     * Creates a pass.
     *
     * @param first the array of the first view of a prepared call
     */
    Pass(Engine engine, Function function, Array first, Array second, @Nullable Array third) {
      super(engine, new KernelArrays(function, first, second, third, null));
      this.function = function;
    }

    /** Computes the statistics of long rows, and writes the log-sum-exp with them. */
    abstract void statistics(Call call, long begin, long end, boolean shared);

    @Override
    protected double compute(Call call, CallArguments given) {
      call.options(options, 1);
      call.partition.run(function, rows, sharedRows);
      return Double.NaN;
    }

    private void rows(Call call, long begin, long end) {
      if (call.partition.rowsPerKernel() == 0) {
        call.records.reserveStatistics(call.pieces);
        for (long row = begin; row < end && !call.partition.isInVain(); row++) {
          longRows(call, row, row + 1, false);
        }
      } else {
        wholeRows.run(call, begin, end);
      }
    }

    private Work kernel(Call call, long row, long rowEnd) {
      return call.kernel(function, row, rowEnd);
    }

    private void sharedRows(Call call, long begin, long end) {
      call.records.reserveStatistics(call.pieces);
      longRows(call, begin, end, true);
    }

    private void longRows(Call call, long begin, long end, boolean shared) {
      statistics(call, begin, end, shared);
      if (function != Function.LOG_SUM_EXP) {
        longRows.each(call, begin, end, shared, range);
      }
    }

    private void range(Call call, long row, long from, long to) {
      Work work =
          kernel(call, row, row + 1)
              .classes(from, to)
              .set(Array.STATISTICS, call.records.statistics);
      Failures.check(kernels.run(work), call);
    }
  }

  private final class Forward extends Pass {
    Forward(Engine engine) {
      super(engine, kind.forward, Array.LOGITS, kind.output.array, null);
    }

    @Override
    protected String event(CallArguments given) {
      return kind.event;
    }

    @Override
    protected void give(CallArguments given, View logits, @Nullable View output, @Nullable View c) {
      given.lead = logits;
      given.output = output;
    }

    @Override
    protected void take(Call call, CallArguments given) {
      Losses.lead(call, function, kind.event, given.lead, axis, given.inputs);
      call.takeInputs(function, given.inputs);
      call.take(kind.output, given.output);
      call.requireWritable();
      call.ready();
    }

    @Override
    protected void remember(Call call, CallArguments given) {
      remember(call, given, given.output, null);
    }

    @Override
    void statistics(Call call, long begin, long end, boolean shared) {
      longRows.forward(call, begin, end, shared);
    }
  }

  private final class Backward extends Pass {
    private final String event = kind.event + " backward";

    Backward(Engine engine, Function function) {
      super(engine, function, Array.OUTPUT, Array.UPSTREAM, Array.GRADIENT);
    }

    @Override
    protected String event(CallArguments given) {
      return event;
    }

    @Override
    protected void give(
        CallArguments given, View output, @Nullable View upstream, @Nullable View gradient) {
      given.lead = output;
      given.upstream = upstream;
      given.gradient = gradient;
    }

    @Override
    protected void take(Call call, CallArguments given) {
      options.refuseSoftcap(kind.event);
      Losses.lead(call, function, event, given.lead, axis, given.inputs);
      call.takeInputs(function, given.inputs);
      call.take(Rule.UPSTREAM, given.upstream);
      call.take(Rule.SOFTMAX_GRADIENT, given.gradient);
      call.requireWritable();
      call.ready();
    }

    @Override
    protected void remember(Call call, CallArguments given) {
      remember(call, given, given.upstream, given.gradient);
    }

    @Override
    void statistics(Call call, long begin, long end, boolean shared) {
      longRows.backward(call, begin, end, shared, kind.isLog());
    }
  }
}
