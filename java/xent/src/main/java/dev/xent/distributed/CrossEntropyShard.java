// SPDX-License-Identifier: Apache-2.0
package dev.xent.distributed;

import static dev.xent.distributed.Arguments.finished;
import static dev.xent.distributed.Arguments.states;
import static dev.xent.distributed.Arguments.view;
import static dev.xent.distributed.Arguments.viewOrNull;
import static dev.xent.distributed.Arguments.views;

import dev.xent.CrossEntropy;
import dev.xent.Inputs;
import dev.xent.Tensor;
import dev.xent.errors.PartialStatesException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.Access;
import dev.xent.internal.plan.LossShardPlan;
import org.jspecify.annotations.Nullable;

/**
 * Cross-entropy of rows whose classes are divided: each shard has a tensor with the classes from a
 * first one on; the tensors differ only in the number of classes. Class indices, in sparse targets
 * too, count through all classes; probability rows and class masks have the classes of the shard;
 * {@link CrossEntropy.Builder#classWeights} has all classes.
 *
 * <pre>{@code
 * CrossEntropyShard shard = CrossEntropyShard.of(loss, firstClass, allClasses);
 * PartialStates mine = shard.partialStates(logits, labels, Inputs.none());
 * PartialStates whole = PartialStates.merge(exchanged(mine));        // the parts of all shards
 * RowStatistics rows = shard.finish(whole, labels, Inputs.none(), outputs);
 * if (rows.needsSecondRound()) {
 *   PartialStates again = shard.partialStates(logits, labels, Inputs.none(), rows);
 *   rows = shard.finish(PartialStates.merge(exchanged(again)), labels, Inputs.none(), rows, outputs);
 * }
 * shard.backward(logits, labels, Inputs.none(), rows, null, gradient);
 * }</pre>
 *
 * <p>Results have the bits of the undivided call, whatever the shards, as they begin at multiples
 * of 8192 classes. Instances are immutable; any number of threads may share one.
 */
public final class CrossEntropyShard {
  private final LossShardPlan plan;

  private CrossEntropyShard(LossShardPlan plan) {
    this.plan = plan;
  }

  /**
   * A shard of an operation.
   *
   * @param firstClass the class that this shard's tensors begin with: a multiple of 8192
   * @param allClasses the number of classes of all shards together; a call throws {@link
   *     ShapeException} where a shard ends neither there nor at a multiple of 8192
   */
  public static CrossEntropyShard of(CrossEntropy operation, long firstClass, long allClasses) {
    return new CrossEntropyShard(
        Access.CROSS_ENTROPY.of(operation, "operation").onShard(firstClass, allClasses));
  }

  /**
   * What the classes of this shard contribute to their rows.
   *
   * @param logits the classes of this shard, of any type of floats
   * @param targets class indices; sparse targets; or probability rows of the classes of this shard
   * @param inputs target weights, and a class mask of the classes of this shard; a sink may be left
   *     out, and row weights too unless rows of weight 0 have labels that are no classes
   * @throws IllegalArgumentException for what does not fit; among it a mask together with smoothing
   *     where targets are no class indices, as a shard cannot know how many classes take part
   */
  public PartialStates partialStates(Tensor logits, Tensor targets, Inputs inputs) {
    return new PartialStates(
        plan.states(view(logits, "logits"), view(targets, "targets"), views(inputs), null));
  }

  /**
   * The same in a second round.
   *
   * @param logits as in the first round
   * @param targets as in the first round
   * @param inputs as in the first round
   * @param first what finishing the first round gave
   */
  public PartialStates partialStates(
      Tensor logits, Tensor targets, Inputs inputs, RowStatistics first) {
    return new PartialStates(
        plan.states(
            view(logits, "logits"),
            view(targets, "targets"),
            views(inputs),
            finished(first, "first")));
  }

  /**
   * Folds the states of whole rows.
   *
   * @param whole the states of all classes
   * @param labels class indices, as the shards had them, which is noticed only of labels in another
   *     chunk of 8192 classes; null for other targets
   * @param inputs row weights and a sink; nothing else, as the states have it already
   * @param outputs receive the numbers of all rows; of tensors only losses, log-sum-exp and hits
   *     can be asked for
   * @throws PartialStatesException for states that are not whole or do not belong together
   */
  public RowStatistics finish(
      PartialStates whole, @Nullable Tensor labels, Inputs inputs, CrossEntropy.Outputs outputs) {
    return new RowStatistics(
        plan.finish(
            states(whole, "whole"),
            viewOrNull(labels, "labels"),
            views(inputs),
            null,
            Arguments.outputs(outputs)));
  }

  /**
   * The same after a second round.
   *
   * @param whole the states of all classes, of the second round
   * @param labels as in the first round
   * @param inputs as in the first round
   * @param first what finishing the first round gave
   * @param outputs as in the first round, with the same tensors
   */
  public RowStatistics finish(
      PartialStates whole,
      @Nullable Tensor labels,
      Inputs inputs,
      RowStatistics first,
      CrossEntropy.Outputs outputs) {
    return new RowStatistics(
        plan.finish(
            states(whole, "whole"),
            viewOrNull(labels, "labels"),
            views(inputs),
            finished(first, "first"),
            Arguments.outputs(outputs)));
  }

  /**
   * Writes the gradient of this shard, as {@link CrossEntropy#backward} does. Targets and weights
   * are checked once more before anything is written.
   *
   * @param logits the classes of this shard
   * @param targets as in {@link #partialStates}
   * @param inputs target weights, row weights, and a class mask of the classes of this shard
   * @param rows what finishing gave
   * @param upstream one number per row, of a type that fits the logits; null: 1 for every row
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
    plan.backward(
        view(logits, "logits"),
        view(targets, "targets"),
        views(inputs),
        finished(rows, "rows"),
        viewOrNull(upstream, "upstream"),
        view(gradient, "gradient"));
  }

  /** Its classes and the options of the operation that are not the defaults. */
  @Override
  public String toString() {
    return plan.toString();
  }
}
