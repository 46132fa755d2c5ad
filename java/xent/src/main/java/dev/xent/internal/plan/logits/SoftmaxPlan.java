// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.ChunkWork;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.RepeatedKernel;
import dev.xent.internal.plan.call.RowWork;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.shard.LongRows;
import dev.xent.internal.plan.shard.SoftmaxShardPlan;
import org.jspecify.annotations.Nullable;

/** Softmax and log-softmax: which kernels run over which rows and classes. */
public final class SoftmaxPlan {
  private final Engine engine;
  private final LongRows longRows;
  private final Options options;
  private final int axis;
  private final boolean log;
  private final Pass forward;
  private final Pass backward;

  private SoftmaxPlan(Engine engine, Options options, int axis, boolean log) {
    this.engine = engine;
    this.longRows = new LongRows(engine);
    this.options = options;
    this.axis = axis;
    this.log = log;
    this.forward = new Forward(engine);
    this.backward = new Backward(engine);
  }

  /** {@code exp(x) / sum exp(x)}. */
  public static SoftmaxPlan softmax(Engine engine, Options options, int axis) {
    return new SoftmaxPlan(engine, options, axis, false);
  }

  /** {@code x - log sum exp(x)}. */
  public static SoftmaxPlan logSoftmax(Engine engine, Options options, int axis) {
    return new SoftmaxPlan(engine, options, axis, true);
  }

  @Override
  public String toString() {
    Described text = new Described(log ? "LogSoftmax" : "Softmax").option("axis", axis, -1);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  private String name() {
    return log ? "log-softmax" : "softmax";
  }

  /** The same of rows of which an array has some classes. */
  public SoftmaxShardPlan onShard(long firstClass, long allClasses) {
    return new SoftmaxShardPlan(engine, options, axis, log, firstClass, allClasses);
  }

  /** Writes y. */
  public void forward(View logits, View output) {
    Call call = Call.current();
    if (forward.repeats(call, logits, output, null)) {
      call.endRepeated();
      return;
    }
    call.given.lead = logits;
    call.given.output = output;
    forward.run(call);
  }

  /** The same as a call to be kept. */
  public Bound bind(View logits, View output) {
    return new Bound(forward).lead(logits).output(output);
  }

  /** Writes dx. */
  public void backward(View output, View upstream, View gradient) {
    Call call = Call.current();
    if (backward.repeats(call, output, upstream, gradient)) {
      call.endRepeated();
      return;
    }
    call.given.lead = output;
    call.given.upstream = upstream;
    call.given.gradient = gradient;
    backward.run(call);
  }

  /** The same as a call to be kept. */
  public Bound bindBackward(View output, View upstream, View gradient) {
    Bound bound = new Bound(backward).lead(output).upstream(upstream);
    bound.gradient(gradient);
    return bound;
  }

  /** A kernel over all rows; over class ranges of long ones, once what these need is known. */
  private abstract class Pass extends Operation {
    final Function function;
    private final RepeatedKernel repeated;
    private final RowWork rows = this::rows;
    private final RowWork sharedRows = this::sharedRows;
    private final ChunkWork range = this::range;

    /**
     * A pass.
     *
     * @param first the array that the first view of a repeated call is
     */
    Pass(Engine engine, Function function, Array first, Array second, @Nullable Array third) {
      super(engine);
      this.function = function;
      this.repeated = new RepeatedKernel(kernels, function, first, second, third, null);
    }

    /** Makes the statistics of long rows. */
    abstract void statistics(Call call, long begin, long end, boolean shared);

    @Override
    protected boolean again(
        Call call, View a, @Nullable View b, @Nullable View c, @Nullable Outputs outputs) {
      return call.repeat.run(repeated, a, b, c, NULL);
    }

    @Override
    protected double compute(Call call, CallArguments given) {
      call.options(options, 1);
      call.run(function, rows, sharedRows);
      return Double.NaN;
    }

    private void rows(Call call, long begin, long end) {
      long step = call.rowsPerKernel();
      if (step == 0) {
        call.room.reserveStatistics(call.pieces);
        for (long row = begin; row < end && !call.isInVain(); row++) {
          longRows(call, row, row + 1, false);
        }
        return;
      }
      for (long row = begin; row < end && !call.isInVain(); row += step) {
        long stop = Math.min(row + step, end);
        Failures.check(kernels.run(call.kernel(function, row, stop)), call);
      }
    }

    private void sharedRows(Call call, long begin, long end) {
      call.room.reserveStatistics(call.pieces);
      longRows(call, begin, end, true);
    }

    private void longRows(Call call, long begin, long end, boolean shared) {
      statistics(call, begin, end, shared);
      longRows.each(call, begin, end, shared, range);
    }

    private void range(Call call, long row, long from, long to) {
      Work work =
          call.kernel(function, row, row + 1)
              .classes(from, to)
              .set(Array.STATISTICS, call.room.statistics);
      Failures.check(kernels.run(work), call);
    }
  }

  private final class Forward extends Pass {
    Forward(Engine engine) {
      super(
          engine, log ? Function.LOG_SOFTMAX : Function.SOFTMAX, Array.LOGITS, Array.OUTPUT, null);
    }

    @Override
    protected String event(CallArguments given) {
      return name();
    }

    @Override
    protected void take(Call call, CallArguments given) {
      Losses.lead(call, function, name(), given.lead, axis, given.inputs);
      call.takeInputs(function, given.inputs);
      call.take(Rule.OUTPUT_ARRAY, given.output);
      call.requireWritable();
      call.ready();
    }

    @Override
    protected void remember(Call call, CallArguments given) {
      if (given.inputs == InputViews.NONE) {
        call.remember(this, given.lead, given.output, null, null);
      }
    }

    @Override
    void statistics(Call call, long begin, long end, boolean shared) {
      longRows.forward(call, begin, end, shared);
    }
  }

  private final class Backward extends Pass {
    Backward(Engine engine) {
      super(
          engine,
          log ? Function.LOG_SOFTMAX_BACKWARD : Function.SOFTMAX_BACKWARD,
          Array.OUTPUT,
          Array.UPSTREAM,
          Array.GRADIENT);
    }

    @Override
    protected String event(CallArguments given) {
      return log ? "log-softmax backward" : "softmax backward";
    }

    @Override
    protected void take(Call call, CallArguments given) {
      options.refuseSoftcap(name());
      Losses.lead(call, function, event(given), given.lead, axis, given.inputs);
      call.takeInputs(function, given.inputs);
      call.take(Rule.UPSTREAM, given.upstream);
      call.take(Rule.SOFTMAX_GRADIENT, given.gradient);
      call.requireWritable();
      call.ready();
    }

    @Override
    protected void remember(Call call, CallArguments given) {
      if (given.inputs == InputViews.NONE) {
        call.remember(this, given.lead, given.upstream, given.gradient, null);
      }
    }

    @Override
    void statistics(Call call, long begin, long end, boolean shared) {
      longRows.backward(call, begin, end, shared, log);
    }
  }
}
