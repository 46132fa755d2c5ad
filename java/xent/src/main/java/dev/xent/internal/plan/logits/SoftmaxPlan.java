// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.KernelArrays;
import dev.xent.internal.plan.call.Plan;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.shard.SoftmaxShardPlan;
import org.jspecify.annotations.Nullable;

/**
 * Softmax, log-softmax and log-sum-exp: chooses the kernels, and the rows and classes of each
 * kernel call.
 */
public final class SoftmaxPlan extends SoftmaxPass {
  private final Kind kind;
  private final @Nullable Plan backward;

  private SoftmaxPlan(Engine engine, Options options, int axis, Kind kind) {
    super(
        engine,
        options,
        axis,
        new KernelArrays(kind.forward, Array.LOGITS, kind.output.array, null, null));
    this.kind = kind;
    this.backward = kind.backward == null ? null : new Backward(kind.backward);
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

  @Override
  public String toString() {
    return describe(new Described(kind.type), 1);
  }

  /** Returns the operation for rows whose classes are divided among shards. */
  public SoftmaxShardPlan onShard(long firstClass, long allClasses) {
    return new SoftmaxShardPlan(engine, options, axis, kind.isLog(), firstClass, allClasses);
  }

  /** The backward pass: writes dx from y and dy. */
  public Plan backward() {
    return backward;
  }

  @Override
  protected String event(CallArguments arguments) {
    return kind.event;
  }

  @Override
  protected void setViews(
      CallArguments arguments, View logits, @Nullable View output, @Nullable View none) {
    arguments.lead = logits;
    arguments.output = output;
  }

  @Override
  protected void take(Call call, CallArguments arguments) {
    call.lead(function, kind.event, arguments.lead, axis, arguments.inputs);
    call.takeInputs(function, arguments.inputs);
    call.take(kind.output, arguments.output);
    call.requireWritable();
    call.ready();
  }

  @Override
  protected void remember(Call call, CallArguments arguments) {
    remember(call, arguments, arguments.output, null);
  }

  @Override
  void statistics(Call call, long begin, long end, boolean split) {
    longRows.forward(call, begin, end, split);
  }

  private final class Backward extends SoftmaxPass {
    private final String event = kind.event + " backward";

    Backward(Function function) {
      super(
          SoftmaxPlan.this.engine,
          SoftmaxPlan.this.options,
          SoftmaxPlan.this.axis,
          new KernelArrays(function, Array.OUTPUT, Array.UPSTREAM, Array.GRADIENT, null));
    }

    @Override
    protected String event(CallArguments arguments) {
      return event;
    }

    @Override
    protected void setViews(
        CallArguments arguments, View output, @Nullable View upstream, @Nullable View gradient) {
      arguments.lead = output;
      arguments.upstream = upstream;
      arguments.gradient = gradient;
    }

    @Override
    protected void take(Call call, CallArguments arguments) {
      options.refuseSoftcap(kind.event);
      call.lead(function, event, arguments.lead, axis, arguments.inputs);
      call.takeInputs(function, arguments.inputs);
      call.take(Rule.UPSTREAM, arguments.upstream);
      call.take(Rule.SOFTMAX_GRADIENT, arguments.gradient);
      call.requireWritable();
      call.ready();
    }

    @Override
    protected void remember(Call call, CallArguments arguments) {
      remember(call, arguments, arguments.upstream, arguments.gradient);
    }

    @Override
    void statistics(Call call, long begin, long end, boolean split) {
      longRows.backward(call, begin, end, split, kind.isLog());
    }
  }
}
