// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.shard.States;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A call of one shard of a loss, which exchanges states with the other shards: {@link
 * CrossEntropyShard#on} returns it. It can run any number of times. Not safe for use by several
 * threads at once.
 */
public final class ShardCall {
  private final CrossEntropyShard shard;
  private final Tensor logits;
  private final Tensor targets;
  private final AllGather<PartialStates> gather;
  private Inputs inputs = Inputs.none();
  private LossOutputs outputs = LossOutputs.create();
  private @Nullable Tensor gradient;
  private @Nullable RowStatistics rows;

  ShardCall(
      CrossEntropyShard shard, Tensor logits, Tensor targets, AllGather<PartialStates> gather) {
    this.shard = shard;
    this.logits = logits;
    this.targets = targets;
    this.gather = gather;
  }

  /**
   * Sets further arrays that all later runs read. Default: none.
   *
   * @param value target weights, row weights, a sink, and a class mask of the classes of this shard
   */
  public ShardCall inputs(Inputs value) {
    inputs = NullChecks.require(value, "inputs", "Inputs.none()");
    return this;
  }

  /**
   * Sets the outputs of all later runs. Default: none.
   *
   * @param value receives the numbers of all rows; its tensors are filled. A shard has {@code
   *     losses}, {@code logSumExp}, {@code correct}, {@code countCorrect} and {@code lossSum}
   */
  public ShardCall outputs(LossOutputs value) {
    outputs = NullChecks.require(value, "outputs", "LossOutputs.create()");
    return this;
  }

  /**
   * Sets the gradient that all later runs write. Default: none.
   *
   * @param value of this shard, in the shape of its logits; may be the logits themselves, but not
   *     overlap anything in any other way
   */
  public ShardCall gradient(Tensor value) {
    View.of(value, "gradient");
    gradient = value;
    return this;
  }

  /**
   * Returns the reduced loss of whole rows.
   *
   * @throws IllegalArgumentException for invalid arguments. One of them is a mask together with
   *     smoothing if the targets are not class indices, because a shard does not see the other
   *     masks
   * @throws dev.xent.errors.PartialStatesException if the states are incomplete or do not belong
   *     together
   */
  public double run() {
    // The callback may set others, which are those of the next run.
    Inputs given = inputs;
    LossOutputs filled = outputs;
    Tensor written = gradient;
    RowStatistics made = shard.exchange(logits, targets, given, filled, written, gather);
    if (written != null) {
      shard.backward(logits, targets, given, made, null, written);
    }
    rows = made;
    return filled.loss();
  }

  /**
   * Returns the row statistics of the last run, for {@link CrossEntropyShard#backward}.
   *
   * @throws IllegalStateException before the first run
   */
  public RowStatistics rows() {
    if (rows == null) {
      throw new IllegalStateException("the call has no row statistics; call run() first");
    }
    return rows;
  }

  /** The states of whole rows, from what an exchange gathers. */
  static UnaryOperator<States> merged(AllGather<PartialStates> gather) {
    NullChecks.require(gather, "gather", "a function that exchanges states");
    return mine -> States.of(PartialStates.merge(gather.gather(mine)), "parts");
  }
}
