// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Work;
import java.lang.ref.Reference;
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
  private final long forward = Numbers.takeOne();
  private final RowWork forwardRows = this::forwardRows;
  private final RowWork forwardShared = this::forwardShared;
  private final long backward = Numbers.takeOne();
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
  public void forward(@Nullable Bound bound, View logits, InputViews inputs, View output) {
    Call call = Call.current(bound);
    try {
      if (inputs == InputViews.NONE && call.again.is(forward, logits, output, null)) {
        forwardAgain(call, logits, output);
        return;
      }
      call.begin(log ? "log-softmax" : "softmax", engine);
      takeLead(call, call.logits, logits, inputs);
      if (inputs.sink() != null) {
        call.sink(inputs.sink());
      }
      call.whole(call.output, output);
      call.writes(call.output, call.logits, null);
      call.ready();
      call.options(options, 1);
      call.run(forwardRows, forwardShared);
      if (call.isOneKernel()) {
        call.again.remember(forward, logits, output, null);
      }
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  /** Takes the array that all others follow, and which of its classes take part. */
  private void takeLead(Call call, Part part, View view, InputViews inputs) {
    if (inputs != InputViews.NONE) {
      inputs.refuseTargetWeights(log ? "log-softmax" : "softmax");
      inputs.refuseRowWeights(log ? "log-softmax" : "softmax");
    }
    LossCall.lead(call, part, view, axis, inputs);
    if (inputs.classMask() != null) {
      call.classMask(inputs.classMask());
    }
  }

  private void forwardAgain(Call call, View logits, View output) {
    call.runAgain(kernels, forwardFunction, logits.segment, output.segment, NULL, NULL, NULL, NULL);
    Reference.reachabilityFence(logits);
    Reference.reachabilityFence(output);
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
  public void backward(
      @Nullable Bound bound, View output, View upstream, InputViews inputs, View gradient) {
    Call call = Call.current(bound);
    try {
      if (inputs == InputViews.NONE && call.again.is(backward, output, upstream, gradient)) {
        backwardAgain(call, output, upstream, gradient);
        return;
      }
      call.begin(log ? "log-softmax backward" : "softmax backward", engine);
      options.refuseSoftcap(log ? "log-softmax" : "softmax");
      inputs.refuseSink("backward, where the output tells of it,");
      takeLead(call, call.output, output, inputs);
      call.whole(call.upstream, upstream);
      call.whole(call.gradient, gradient);
      call.writes(call.gradient, call.output, call.upstream);
      call.ready();
      call.options(options, 1);
      call.run(backwardRows, backwardShared);
      if (call.isOneKernel()) {
        call.again.remember(backward, output, upstream, gradient);
      }
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private void backwardAgain(Call call, View output, View upstream, View gradient) {
    call.runAgain(
        kernels,
        backwardFunction,
        output.segment,
        upstream.segment,
        gradient.segment,
        NULL,
        NULL,
        NULL);
    Reference.reachabilityFence(output);
    Reference.reachabilityFence(upstream);
    Reference.reachabilityFence(gradient);
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
