// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.SingleCall;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Softmax, log-softmax and log-sum-exp of rows whose classes are divided among shards. */
public final class SoftmaxShardPlan extends ShardPlan {
  private final boolean log;

  public SoftmaxShardPlan(
      Engine engine, Options options, int axis, boolean log, long firstClass, long allClasses) {
    super(
        engine,
        options,
        axis,
        log ? Function.LOG_SOFTMAX : Function.SOFTMAX,
        firstClass,
        allClasses);
    this.log = log;
  }

  @Override
  public String toString() {
    Described text = described("SoftmaxShard").option("axis", axis, -1);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  /**
   * Finishes the rows of all shards, with a second round if rows need one.
   *
   * @param gather returns the states of all classes for the states of this shard
   */
  public FinishedRows exchange(
      View logits, InputViews inputs, @Nullable View logSumExp, UnaryOperator<States> gather) {
    InputViews rest = inputs.of(Function.FINISH);
    FinishedRows rows = finish(gather.apply(states(logits, inputs, null)), rest, null, logSumExp);
    return rows.again() == 0
        ? rows
        : finish(gather.apply(states(logits, inputs, rows)), rest, rows, logSumExp);
  }

  /** Computes the states of this shard's classes, in the first or the second round. */
  public States states(View logits, InputViews inputs, @Nullable FinishedRows first) {
    return new SingleCall<States>(engine, "partial states") {
      @Override
      public States call(Call call) {
        takeShard(call, logits, inputs);
        if (first != null) {
          first.require(call, null, options);
        }
        call.ready();
        call.structs.options(options, false, 1);
        return Shards.states(call, engine, null, first);
      }
    }.run();
  }

  private void takeShard(Call call, View logits, InputViews inputs) {
    inputs.reject(Array.ROW_OFFSETS, "a shard");
    call.lead(Function.SOFTMAX, "softmax", logits, axis, inputs);
    call.shard(firstClass, allClasses);
    call.takeInputs(Function.SOFTMAX, inputs);
  }

  /** Folds the states of whole rows, and writes the log-sum-exp unless it is null. */
  public FinishedRows finish(
      States states, InputViews inputs, @Nullable FinishedRows first, @Nullable View logSumExp) {
    return new SingleCall<FinishedRows>(engine, "finish") {
      @Override
      public FinishedRows call(Call call) {
        Shards.requireForFinish(states, inputs, first, options, false);
        inputs.requireFor(Function.SOFTMAX, "softmax");
        call.lead(Rule.LOGITS, Shards.unseen(states), states.axis());
        call.takeInputs(Function.FINISH, inputs);
        call.takeIfPresent(Rule.LOG_SUM_EXP, logSumExp);
        call.requireWritable();
        call.statesOfCaller = true;
        call.ready();
        call.structs.options(options, false, 1);
        return Shards.finish(call, engine, states, 0, first, options);
      }
    }.run();
  }

  /** Writes y for the classes of this shard. */
  public void forward(View logits, InputViews inputs, FinishedRows rows, View output) {
    new SingleCall<@Nullable Void>(engine, log ? "log-softmax" : "softmax") {
      @Override
      public @Nullable Void call(Call call) {
        rows.requireFinished();
        takeShard(call, logits, inputs);
        call.take(Rule.OUTPUT_ARRAY, output);
        call.requireWritable();
        rows.require(call, null, options);
        call.statesOfCaller = true;
        call.ready();
        call.structs.options(options, false, 1);
        Shards.write(call, engine, rows, range);
        return null;
      }
    }.run();
  }
}
