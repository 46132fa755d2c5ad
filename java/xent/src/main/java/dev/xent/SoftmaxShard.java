// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.PartialStatesException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.shard.FinishedRows;
import dev.xent.internal.plan.shard.Shard;
import dev.xent.internal.plan.shard.States;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Softmax or log-softmax, and log-sum-exp, of rows whose classes are divided, made by {@link
 * Softmax#shard} and {@link LogSoftmax#shard}: each shard has a tensor with the classes from a
 * first one on, of all others' shape but for the number of classes.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="softmaxShard" :
 * SoftmaxShard shard = softmax.shard(firstClass, allClasses);
 * RowStatistics rows = shard.exchange(logits, Inputs.none(), null, mine -> allGather(mine));
 * shard.forward(logits, Inputs.none(), rows, output);
 * }
 *
 * <p>If states travel otherwise, in files or from one job to the next, call the steps of {@link
 * #exchange} yourself: {@link #partialStates}, {@link PartialStates#merge}, {@link #finish}, and
 * the three again if {@link RowStatistics#needsSecondRound} returns true.
 *
 * <p>Results have the bits of the undivided call for any shards, because they begin at multiples of
 * 8192 classes. Instances are immutable; any number of threads may share one.
 */
public final class SoftmaxShard {
  private final Shard shard;

  SoftmaxShard(Shard shard) {
    this.shard = shard;
  }

  /** Returns the axis of the classes, as set by {@link OperationBuilder#axis(int)}. */
  public int axis() {
    return shard.axis();
  }

  /**
   * Computes the statistics of whole rows together with the other shards, which call this too. If
   * one of them throws before it exchanges states, the others wait for it: notify them.
   *
   * @param logits the classes of this shard, of any type of floats
   * @param inputs a class mask of these classes, and a sink
   * @param logSumExp receives one number per row, in the shape of the rows; or null
   * @param gather sends the states of this shard to all, and returns those of all, in any order. It
   *     is called a second time if the largest logit of a row is beyond +-16384
   * @throws IllegalArgumentException for arguments that do not fit
   * @throws PartialStatesException for states that are not whole or do not belong together
   */
  public RowStatistics exchange(
      Tensor logits,
      Inputs inputs,
      @Nullable Tensor logSumExp,
      Function<PartialStates, List<PartialStates>> gather) {
    return shard.exchange(
        View.of(logits, "logits"), null, InputViews.of(inputs), outputs(logSumExp), merged(gather));
  }

  /**
   * Computes the states of the classes of this shard.
   *
   * @param logits the classes of this shard, of any type of floats
   * @param inputs a class mask of these classes; a sink may be left out
   * @throws IllegalArgumentException for arguments that do not fit
   */
  public PartialStates partialStates(Tensor logits, Inputs inputs) {
    return shard.states(View.of(logits, "logits"), null, InputViews.of(inputs), null);
  }

  /**
   * Returns the states of a second round.
   *
   * @param logits as in the first round
   * @param inputs as in the first round
   * @param first the result of the first round
   */
  public PartialStates partialStates(Tensor logits, Inputs inputs, RowStatistics first) {
    return shard.states(
        View.of(logits, "logits"), null, InputViews.of(inputs), FinishedRows.of(first, "first"));
  }

  /**
   * Folds the states of whole rows.
   *
   * @param whole the states of all classes
   * @param inputs a sink, or nothing; no class mask, as the states have it already
   * @param logSumExp receives one number per row, in the shape of the rows; or null
   * @throws PartialStatesException for states that are not whole or do not belong together
   */
  public RowStatistics finish(PartialStates whole, Inputs inputs, @Nullable Tensor logSumExp) {
    return shard.finish(
        States.of(whole, "whole"), null, InputViews.of(inputs), null, outputs(logSumExp));
  }

  /**
   * Combines the states of a second round.
   *
   * @param whole the states of all classes, of the second round
   * @param inputs as in the first round
   * @param first the result of the first round
   * @param logSumExp as in the first round
   */
  public RowStatistics finish(
      PartialStates whole, Inputs inputs, RowStatistics first, @Nullable Tensor logSumExp) {
    return shard.finish(
        States.of(whole, "whole"),
        null,
        InputViews.of(inputs),
        FinishedRows.of(first, "first"),
        outputs(logSumExp));
  }

  /**
   * Writes the probabilities or log-probabilities of this shard.
   *
   * @param logits the classes of this shard
   * @param inputs a class mask of these classes, and the sink
   * @param rows the result of the exchange, or of finishing
   * @param output in the shape of the logits; may be {@code logits} itself, but not overlap it in
   *     any other way
   */
  public void forward(Tensor logits, Inputs inputs, RowStatistics rows, Tensor output) {
    shard.write(
        View.of(logits, "logits"),
        null,
        InputViews.of(inputs),
        FinishedRows.of(rows, "rows"),
        null,
        View.of(output, "output"));
  }

  /** The states of whole rows, from what an exchange gathers. */
  static UnaryOperator<States> merged(Function<PartialStates, List<PartialStates>> gather) {
    NullChecks.require(gather, "gather", "a function that exchanges states");
    return mine -> States.of(PartialStates.merge(gather.apply(mine)), "parts");
  }

  private static Outputs outputs(@Nullable Tensor logSumExp) {
    Outputs outputs = new Outputs();
    outputs.set(Array.LOG_SUM_EXP, (View) logSumExp);
    return outputs;
  }

  /** Returns its classes and the options of the operation that are not the defaults. */
  @Override
  public String toString() {
    return shard.toString();
  }
}
