// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.PartialStatesException;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.shard.FinishedRows;
import dev.xent.internal.plan.shard.Shard;
import dev.xent.internal.plan.shard.States;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Cross-entropy of rows whose classes are divided, made by {@link CrossEntropy#shard}: each shard
 * has a tensor with the classes from a first one on; the tensors differ only in the number of
 * classes. Class indices, in sparse targets too, count through all classes; probability rows and
 * class masks have the classes of the shard; {@link CrossEntropy.Builder#classWeights} has all
 * classes.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="lossShard" :
 * CrossEntropyShard shard = loss.shard(firstClass, allClasses);
 * LossOutputs outputs = LossOutputs.create();
 * RowStatistics rows =
 *     shard.exchange(logits, labels, Inputs.none(), outputs, mine -> allGather(mine));
 * shard.backward(logits, labels, Inputs.none(), rows, null, gradient);
 * double mean = outputs.loss();
 * }
 *
 * <p>If states travel otherwise, in files or from one job to the next, call the steps of {@link
 * #exchange} yourself: {@link #partialStates}, {@link PartialStates#merge}, {@link #finish}, and
 * the three again if {@link RowStatistics#needsSecondRound} returns true.
 *
 * <p>Results have the bits of the undivided call for any shards, because they begin at multiples of
 * 8192 classes. Instances are immutable; any number of threads may share one.
 */
public final class CrossEntropyShard {
  private final Shard shard;

  CrossEntropyShard(Shard shard) {
    this.shard = shard;
  }

  /** Returns the axis of the classes, as set by {@link OperationBuilder#axis(int)}. */
  public int axis() {
    return shard.axis();
  }

  /**
   * Computes the losses of whole rows together with the other shards, which call this too. If one
   * of them throws before it exchanges states, the others wait for it: notify them.
   *
   * @param logits the classes of this shard, of any type of floats
   * @param targets class indices; sparse targets; or probability rows of the classes of this shard
   * @param inputs target weights, row weights, a sink, and a class mask of the classes of this
   *     shard
   * @param outputs receive the loss and the other numbers of all rows; their tensors are filled. A
   *     shard has {@code losses}, {@code logSumExp}, {@code correct}, {@code countCorrect} and
   *     {@code lossSum}
   * @param gather sends the states of this shard to all, and returns those of all, in any order. It
   *     is called a second time if the largest logit of a row is beyond +-16384
   * @throws IllegalArgumentException for arguments that do not fit. One of them is a mask together
   *     with smoothing if the targets are not class indices, because a shard does not see the other
   *     masks
   * @throws PartialStatesException for states that are not whole or do not belong together
   */
  public RowStatistics exchange(
      Tensor logits,
      Tensor targets,
      Inputs inputs,
      LossOutputs outputs,
      Function<PartialStates, List<PartialStates>> gather) {
    return shard.exchange(
        View.of(logits, "logits"),
        View.of(targets, "targets"),
        InputViews.of(inputs),
        Outputs.of(outputs),
        SoftmaxShard.merged(gather));
  }

  /**
   * Computes the states of the classes of this shard.
   *
   * @param logits the classes of this shard, of any type of floats
   * @param targets class indices; sparse targets; or probability rows of the classes of this shard
   * @param inputs target weights, and a class mask of the classes of this shard; a sink may be left
   *     out, and row weights too, unless rows of weight 0 have labels that are not classes
   * @throws IllegalArgumentException for arguments that do not fit; also for a mask together with
   *     smoothing, unless targets are class indices: the number of classes that take part is
   *     unknown
   */
  public PartialStates partialStates(Tensor logits, Tensor targets, Inputs inputs) {
    return shard.states(
        View.of(logits, "logits"), View.of(targets, "targets"), InputViews.of(inputs), null);
  }

  /**
   * Returns the states of a second round.
   *
   * @param logits as in the first round
   * @param targets as in the first round
   * @param inputs as in the first round
   * @param first the result of the first round
   */
  public PartialStates partialStates(
      Tensor logits, Tensor targets, Inputs inputs, RowStatistics first) {
    return shard.states(
        View.of(logits, "logits"),
        View.of(targets, "targets"),
        InputViews.of(inputs),
        FinishedRows.of(first, "first"));
  }

  /**
   * Folds the states of whole rows.
   *
   * @param whole the states of all classes
   * @param labels class indices, as the shards had them, which is noticed only of labels in another
   *     chunk of 8192 classes; null for other targets
   * @param inputs row weights and a sink; nothing else, as the states have it already
   * @param outputs as in {@link #exchange}
   * @throws PartialStatesException for states that are not whole or do not belong together
   */
  public RowStatistics finish(
      PartialStates whole, @Nullable Tensor labels, Inputs inputs, LossOutputs outputs) {
    return shard.finish(
        States.of(whole, "whole"), (View) labels, InputViews.of(inputs), null, Outputs.of(outputs));
  }

  /**
   * Combines the states of a second round.
   *
   * @param whole the states of all classes, of the second round
   * @param labels as in the first round
   * @param inputs as in the first round
   * @param first the result of the first round
   * @param outputs as in the first round, with the same tensors
   */
  public RowStatistics finish(
      PartialStates whole,
      @Nullable Tensor labels,
      Inputs inputs,
      RowStatistics first,
      LossOutputs outputs) {
    return shard.finish(
        States.of(whole, "whole"),
        (View) labels,
        InputViews.of(inputs),
        FinishedRows.of(first, "first"),
        Outputs.of(outputs));
  }

  /**
   * Writes the gradient of this shard, as {@link CrossEntropy#onBackward} does. Targets and weights
   * are checked once more before anything is written.
   *
   * @param logits the classes of this shard
   * @param targets as in {@link #partialStates}
   * @param inputs target weights, row weights, and a class mask of the classes of this shard
   * @param rows the result of {@link #exchange} or {@link #finish}
   * @param upstream one number per row, of a type that fits the logits, or null for 1 in every row
   * @param gradient in the shape of the logits; may be {@code logits} itself, but not overlap
   *     anything in any other way
   */
  public void backward(
      Tensor logits,
      Tensor targets,
      Inputs inputs,
      RowStatistics rows,
      @Nullable Tensor upstream,
      Tensor gradient) {
    shard.write(
        View.of(logits, "logits"),
        View.of(targets, "targets"),
        InputViews.of(inputs),
        FinishedRows.of(rows, "rows"),
        (View) upstream,
        View.of(gradient, "gradient"));
  }

  /** Returns its classes and the options of the operation that are not the defaults. */
  @Override
  public String toString() {
    return shard.toString();
  }
}
