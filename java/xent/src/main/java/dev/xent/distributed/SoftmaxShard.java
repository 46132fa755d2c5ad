// SPDX-License-Identifier: Apache-2.0
package dev.xent.distributed;

import static dev.xent.distributed.Arguments.finished;
import static dev.xent.distributed.Arguments.states;
import static dev.xent.distributed.Arguments.view;
import static dev.xent.distributed.Arguments.viewOrNull;
import static dev.xent.distributed.Arguments.views;

import dev.xent.Inputs;
import dev.xent.LogSoftmax;
import dev.xent.LogSumExp;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.PartialStatesException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.Access;
import dev.xent.internal.plan.SoftmaxShardPlan;
import org.jspecify.annotations.Nullable;

/**
 * Softmax or log-softmax, and log-sum-exp, of rows whose classes are divided: each shard has a
 * tensor with the classes from a first one on, of all others' shape but for the number of classes.
 *
 * <pre>{@code
 * SoftmaxShard shard = SoftmaxShard.of(softmax, firstClass, allClasses);
 * PartialStates mine = shard.partialStates(logits, Inputs.none());
 * PartialStates whole = PartialStates.merge(exchanged(mine));        // the parts of all shards
 * RowStatistics rows = shard.finish(whole, Inputs.none(), null);
 * if (rows.needsSecondRound()) {
 *   PartialStates again = shard.partialStates(logits, Inputs.none(), rows);
 *   rows = shard.finish(PartialStates.merge(exchanged(again)), Inputs.none(), rows, null);
 * }
 * shard.forward(logits, Inputs.none(), rows, output);
 * }</pre>
 *
 * <p>Results have the bits of the undivided call, whatever the shards, as they begin at multiples
 * of 8192 classes. Instances are immutable; any number of threads may share one.
 */
public final class SoftmaxShard {
  private final SoftmaxShardPlan plan;

  private SoftmaxShard(SoftmaxShardPlan plan) {
    this.plan = plan;
  }

  /**
   * A shard of an operation, which {@link #forward} continues with probabilities.
   *
   * @param firstClass the class that this shard's tensors begin with: a multiple of 8192
   * @param allClasses the number of classes of all shards together; a call throws {@link
   *     ShapeException} where a shard ends neither there nor at a multiple of 8192
   */
  public static SoftmaxShard of(Softmax operation, long firstClass, long allClasses) {
    return new SoftmaxShard(
        Access.SOFTMAX.of(operation, "operation").onShard(firstClass, allClasses));
  }

  /**
   * A shard of an operation, which {@link #forward} continues with log-probabilities.
   *
   * @param firstClass the class that this shard's tensors begin with: a multiple of 8192
   * @param allClasses the number of classes of all shards together; a call throws {@link
   *     ShapeException} where a shard ends neither there nor at a multiple of 8192
   */
  public static SoftmaxShard of(LogSoftmax operation, long firstClass, long allClasses) {
    return new SoftmaxShard(
        Access.LOG_SOFTMAX.of(operation, "operation").onShard(firstClass, allClasses));
  }

  /**
   * A shard of an operation, whose numbers {@link #finish} writes, and which {@link #forward}
   * continues with probabilities.
   *
   * @param firstClass the class that this shard's tensors begin with: a multiple of 8192
   * @param allClasses the number of classes of all shards together; a call throws {@link
   *     ShapeException} where a shard ends neither there nor at a multiple of 8192
   */
  public static SoftmaxShard of(LogSumExp operation, long firstClass, long allClasses) {
    return new SoftmaxShard(
        Access.LOG_SUM_EXP.of(operation, "operation").onShard(firstClass, allClasses));
  }

  /**
   * What the classes of this shard contribute to their rows.
   *
   * @param logits the classes of this shard, of any type of floats
   * @param inputs a class mask of these classes; a sink may be left out
   * @throws IllegalArgumentException for what does not fit
   */
  public PartialStates partialStates(Tensor logits, Inputs inputs) {
    return new PartialStates(plan.states(view(logits, "logits"), views(inputs), null));
  }

  /**
   * The same in a second round.
   *
   * @param logits as in the first round
   * @param inputs as in the first round
   * @param first what finishing the first round gave
   */
  public PartialStates partialStates(Tensor logits, Inputs inputs, RowStatistics first) {
    return new PartialStates(
        plan.states(view(logits, "logits"), views(inputs), finished(first, "first")));
  }

  /**
   * Folds the states of whole rows.
   *
   * @param whole the states of all classes
   * @param inputs a sink, or nothing; no class mask, as the states have it already
   * @param logSumExp one number per row, in the shape of the rows; null: not wanted
   * @throws PartialStatesException for states that are not whole or do not belong together
   */
  public RowStatistics finish(PartialStates whole, Inputs inputs, @Nullable Tensor logSumExp) {
    return new RowStatistics(
        plan.finish(
            states(whole, "whole"), views(inputs), null, viewOrNull(logSumExp, "logSumExp")));
  }

  /**
   * The same after a second round.
   *
   * @param whole the states of all classes, of the second round
   * @param inputs as in the first round
   * @param first what finishing the first round gave
   * @param logSumExp as in the first round
   */
  public RowStatistics finish(
      PartialStates whole, Inputs inputs, RowStatistics first, @Nullable Tensor logSumExp) {
    return new RowStatistics(
        plan.finish(
            states(whole, "whole"),
            views(inputs),
            finished(first, "first"),
            viewOrNull(logSumExp, "logSumExp")));
  }

  /**
   * Writes the probabilities or log-probabilities of this shard.
   *
   * @param logits the classes of this shard
   * @param inputs a class mask of these classes, and the sink
   * @param rows what finishing gave
   * @param output in the shape of the logits; may be {@code logits} itself, but not overlap it in
   *     any other way
   */
  public void forward(Tensor logits, Inputs inputs, RowStatistics rows, Tensor output) {
    plan.forward(
        view(logits, "logits"), views(inputs), finished(rows, "rows"), view(output, "output"));
  }

  /** Its classes and the options of the operation that are not the defaults. */
  @Override
  public String toString() {
    return plan.toString();
  }
}
