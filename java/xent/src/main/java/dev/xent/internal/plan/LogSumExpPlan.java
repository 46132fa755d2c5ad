// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Work;
import java.lang.ref.Reference;

/** Log-sum-exp: which kernels run over which rows and classes. */
public final class LogSumExpPlan {
  private final Engine engine;
  private final Kernels kernels;
  private final LongRows longRows;
  private final Options options;
  private final int axis;
  private final long forward = Numbers.takeOne();
  private final RowWork forwardRows = this::forwardRows;
  private final RowWork forwardShared = this::forwardShared;

  public LogSumExpPlan(Engine engine, Options options, int axis) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.longRows = new LongRows(engine);
    this.options = options;
    this.axis = axis;
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
  public void forward(View logits, InputViews inputs, View logSumExp) {
    Call call = Call.current();
    try {
      if (inputs == InputViews.NONE && call.again.is(forward, logits, logSumExp, null)) {
        call.runAgain(
            kernels,
            Function.LOG_SUM_EXP,
            logits.segment,
            logSumExp.segment,
            NULL,
            NULL,
            NULL,
            NULL);
        Reference.reachabilityFence(logits);
        Reference.reachabilityFence(logSumExp);
        return;
      }
      call.begin("log-sum-exp", engine);
      inputs.refuseTargetWeights("log-sum-exp");
      inputs.refuseRowWeights("log-sum-exp");
      LossCall.lead(call, call.logits, logits, axis, inputs);
      LossCall.takeInputs(call, inputs, null);
      call.perRow(call.logSumExp, logSumExp);
      call.writes(call.logSumExp, null, null);
      call.ready();
      call.options(options, 1);
      call.run(forwardRows, forwardShared);
      if (call.isOneKernel()) {
        call.again.remember(forward, logits, logSumExp, null);
      }
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
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
