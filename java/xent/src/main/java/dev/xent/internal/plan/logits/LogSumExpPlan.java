// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
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

/** Log-sum-exp: which kernels run over which rows and classes. */
public final class LogSumExpPlan {
  private static final String NAME = "log-sum-exp";

  private final Engine engine;
  private final Kernels kernels;
  private final LongRows longRows;
  private final Options options;
  private final int axis;
  private final RepeatedKernel kernel;
  private final Operation forward;
  private final RowWork forwardRows = this::forwardRows;
  private final RowWork forwardShared = this::forwardShared;

  public LogSumExpPlan(Engine engine, Options options, int axis) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.longRows = new LongRows(engine);
    this.options = options;
    this.axis = axis;
    this.kernel =
        new RepeatedKernel(
            kernels, Function.LOG_SUM_EXP, Array.LOGITS, Array.LOG_SUM_EXP, null, null);
    this.forward = new Forward(engine);
  }

  @Override
  public String toString() {
    Described text = new Described("LogSumExp").option("axis", axis, -1);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  /** The same of rows of which an array has some classes. */
  public SoftmaxShardPlan onShard(long firstClass, long allClasses) {
    return new SoftmaxShardPlan(engine, options, axis, false, firstClass, allClasses);
  }

  /** Writes one number per row. */
  public void forward(View logits, View logSumExp) {
    Call call = Call.current();
    if (forward.repeats(call, logits, logSumExp, null)) {
      call.endRepeated();
      return;
    }
    call.given.lead = logits;
    call.given.output = logSumExp;
    forward.run(call);
  }

  /** The same as a call to be kept. */
  public Bound bind(View logits, View logSumExp) {
    return new Bound(forward).lead(logits).output(logSumExp);
  }

  private final class Forward extends Operation {
    Forward(Engine engine) {
      super(engine);
    }

    @Override
    protected String event(CallArguments given) {
      return NAME;
    }

    @Override
    protected void take(Call call, CallArguments given) {
      Losses.lead(call, Function.LOG_SUM_EXP, NAME, given.lead, axis, given.inputs);
      call.takeInputs(Function.LOG_SUM_EXP, given.inputs);
      call.take(Rule.LOG_SUM_EXP, given.output);
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
    protected boolean again(
        Call call, View a, @Nullable View b, @Nullable View c, @Nullable Outputs outputs) {
      return call.repeat.run(kernel, a, b, c, NULL);
    }

    @Override
    protected double compute(Call call, CallArguments given) {
      call.options(options, 1);
      call.run(Function.LOG_SUM_EXP, forwardRows, forwardShared);
      return Double.NaN;
    }
  }

  private void forwardRows(Call call, long begin, long end) {
    long step = call.rowsPerKernel();
    if (step == 0) {
      call.room.reserveStatistics(call.pieces);
      for (long row = begin; row < end && !call.isInVain(); row++) {
        longRows.forward(call, row, row + 1, false);
      }
      return;
    }
    for (long row = begin; row < end && !call.isInVain(); row += step) {
      Work work = call.kernel(Function.LOG_SUM_EXP, row, Math.min(row + step, end));
      Failures.check(kernels.run(work), call);
    }
  }

  private void forwardShared(Call call, long begin, long end) {
    call.room.reserveStatistics(call.pieces);
    longRows.forward(call, begin, end, true);
  }
}
