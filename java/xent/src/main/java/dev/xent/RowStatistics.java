// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.shard.FinishedRows;

/**
 * The statistics of whole rows, with which every shard writes its part of probabilities or
 * gradients. {@link CrossEntropyShard#finish} and {@link SoftmaxShard#finish} return them, and so
 * do the calls of shards that exchange states. Every process that finishes the same {@link
 * PartialStates} gets the same.
 *
 * <p>Instances are immutable; any number of threads may share one.
 */
public sealed interface RowStatistics permits FinishedRows {
  /**
   * Returns whether the states must be made once more with these statistics, merged, and finished
   * with them, which every shard passes to {@code partialStates} and then to {@code finish}. Never
   * true after an exchange; true after {@code finish} if the largest logit of a row is beyond
   * +-16384, because such rows are shifted first. Until then nothing can be written with them, and
   * the outputs do not have the numbers of this call.
   */
  boolean needsSecondRound();

  /** Returns the number of rows. */
  long rows();

  /** Returns kind, shape and arithmetic, in one line. */
  @Override
  String toString();
}
