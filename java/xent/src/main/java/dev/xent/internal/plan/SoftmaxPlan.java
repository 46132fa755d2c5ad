// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.Work;
import org.jspecify.annotations.Nullable;

/** Softmax and log-softmax: which kernels run over which rows and classes. */
public final class SoftmaxPlan {
  private final Engine engine;
  private final Kernels kernels;
  private final LongRows longRows;
  private final Options options;
  private final int axis;
  private final boolean log;
  private final Function forwardFunction;
  private final Function backwardFunction;
  private final RepeatedKernel forwardKernel;
  private final RepeatedKernel backwardKernel;
  private final Operation forward;
  private final RowWork forwardRows = this::forwardRows;
  private final RowWork forwardShared = this::forwardShared;
  private final Operation backward;
  private final RowWork backwardRows = this::backwardRows;
  private final RowWork backwardShared = this::backwardShared;
  private final ChunkWork forwardRange = this::forwardRange;
  private final ChunkWork backwardRange = this::backwardRange;

  private SoftmaxPlan(Engine engine, Options options, int axis, boolean log) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.longRows = new LongRows(engine);
    this.options = options;
    this.axis = axis;
    this.log = log;
    this.forwardFunction = log ? Function.LOG_SOFTMAX : Function.SOFTMAX;
    this.backwardFunction = log ? Function.LOG_SOFTMAX_BACKWARD : Function.SOFTMAX_BACKWARD;
    this.forwardKernel =
        new RepeatedKernel(kernels, forwardFunction, Array.LOGITS, Array.OUTPUT, null, null);
    this.backwardKernel =
        new RepeatedKernel(
            kernels, backwardFunction, Array.OUTPUT, Array.UPSTREAM, Array.GRADIENT, null);
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

  /** The same of rows of which an array has some classes. */
  public SoftmaxShardPlan onShard(long firstClass, long allClasses) {
    return new SoftmaxShardPlan(engine, options, axis, log, firstClass, allClasses);
  }

  // ---- forward ---------------------------------------------------------------------------------

  /** Writes y. */
  public void forward(View logits, InputViews inputs, View output) {
    Call call = Call.current();
    if (forward.repeats(call, logits, output, null, inputs, null)) {
      call.endRepeated();
      return;
    }
    call.given.lead = logits;
    call.given.inputs(inputs);
    call.given.output = output;
    forward.run(call);
  }

  /** The same as a call to be kept. */
  public Bound bind(View logits, View output) {
    return new Bound(forward).lead(logits).output(output);
  }

  private final class Forward extends Operation {
    Forward(Engine engine) {
      super(engine);
    }

    @Override
    String event(CallArguments given) {
      return name();
    }

    @Override
    void take(Call call, CallArguments given) {
      LossCall.lead(call, forwardFunction, name(), given.lead, axis, given.inputs);
      call.takeInputs(forwardFunction, given.inputs);
      call.take(Rule.OUTPUT_ARRAY, given.output);
      call.requireWritable();
      call.ready();
    }

    @Override
    void remember(Call call, CallArguments given) {
      if (given.inputs == InputViews.NONE) {
        call.remember(this, given.lead, given.output, null, null);
      }
    }

    @Override
    boolean again(
        Call call, View a, @Nullable View b, @Nullable View c, @Nullable Outputs outputs) {
      return call.repeat.run(forwardKernel, a, b, c, NULL);
    }

    @Override
    double compute(Call call, CallArguments given) {
      call.options(options, 1);
      if (!call.runPrepared(kernels, forwardFunction)) {
        call.run(forwardRows, forwardShared);
      }
      return Double.NaN;
    }
  }

  private String name() {
    return log ? "log-softmax" : "softmax";
  }

  private void forwardRows(Call call, long begin, long end) {
    long step = call.rowsPerKernel();
    if (step == 0) {
      call.room.reserveStatistics(call.pieces);
      for (long row = begin; row < end && !call.isInVain(); row++) {
        forwardLongRows(call, row, row + 1, false);
      }
      return;
    }
    for (long row = begin; row < end && !call.isInVain(); row += step) {
      long stop = Math.min(row + step, end);
      Failures.check(kernels.run(call.kernel(forwardFunction, row, stop)), call);
    }
  }

  private void forwardShared(Call call, long begin, long end) {
    call.room.reserveStatistics(call.pieces);
    forwardLongRows(call, begin, end, true);
  }

  private void forwardLongRows(Call call, long begin, long end, boolean shared) {
    longRows.forward(call, begin, end, shared);
    longRows.each(call, begin, end, shared, forwardRange);
  }

  private void forwardRange(Call call, long row, long from, long to) {
    range(call, forwardFunction, row, from, to);
  }

  private void range(Call call, Function function, long row, long from, long to) {
    Work work =
        call.kernel(function, row, row + 1)
            .classes(from, to)
            .set(Array.STATISTICS, call.room.statistics);
    Failures.check(kernels.run(work), call);
  }

  // ---- backward --------------------------------------------------------------------------------

  /** Writes dx. */
  public void backward(View output, View upstream, InputViews inputs, View gradient) {
    Call call = Call.current();
    if (backward.repeats(call, output, upstream, gradient, inputs, null)) {
      call.endRepeated();
      return;
    }
    call.given.lead = output;
    call.given.upstream = upstream;
    call.given.inputs(inputs);
    call.given.gradient = gradient;
    backward.run(call);
  }

  /** The same as a call to be kept. */
  public Bound bindBackward(View output, View upstream, View gradient) {
    Bound bound = new Bound(backward).lead(output).upstream(upstream);
    bound.gradient(gradient);
    return bound;
  }

  private final class Backward extends Operation {
    Backward(Engine engine) {
      super(engine);
    }

    @Override
    String event(CallArguments given) {
      return log ? "log-softmax backward" : "softmax backward";
    }

    @Override
    void take(Call call, CallArguments given) {
      options.refuseSoftcap(name());
      LossCall.lead(call, backwardFunction, event(given), given.lead, axis, given.inputs);
      call.takeInputs(backwardFunction, given.inputs);
      call.take(Rule.UPSTREAM, given.upstream);
      call.take(Rule.SOFTMAX_GRADIENT, given.gradient);
      call.requireWritable();
      call.ready();
    }

    @Override
    void remember(Call call, CallArguments given) {
      if (given.inputs == InputViews.NONE) {
        call.remember(this, given.lead, given.upstream, given.gradient, null);
      }
    }

    @Override
    boolean again(
        Call call, View a, @Nullable View b, @Nullable View c, @Nullable Outputs outputs) {
      return call.repeat.run(backwardKernel, a, b, c, NULL);
    }

    @Override
    double compute(Call call, CallArguments given) {
      call.options(options, 1);
      if (!call.runPrepared(kernels, backwardFunction)) {
        call.run(backwardRows, backwardShared);
      }
      return Double.NaN;
    }
  }

  private void backwardRows(Call call, long begin, long end) {
    long step = call.rowsPerKernel();
    if (step == 0) {
      call.room.reserveStatistics(call.pieces);
      for (long row = begin; row < end && !call.isInVain(); row++) {
        backwardLongRows(call, row, row + 1, false);
      }
      return;
    }
    for (long row = begin; row < end && !call.isInVain(); row += step) {
      long stop = Math.min(row + step, end);
      Failures.check(kernels.run(call.kernel(backwardFunction, row, stop)), call);
    }
  }

  private void backwardShared(Call call, long begin, long end) {
    call.room.reserveStatistics(call.pieces);
    backwardLongRows(call, begin, end, true);
  }

  private void backwardLongRows(Call call, long begin, long end, boolean shared) {
    longRows.backward(call, begin, end, shared, log);
    longRows.each(call, begin, end, shared, backwardRange);
  }

  private void backwardRange(Call call, long row, long from, long to) {
    range(call, backwardFunction, row, from, to);
  }
}
