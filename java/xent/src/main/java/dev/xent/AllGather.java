// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.util.List;

/**
 * Exchanges states among the shards of a call: an all-gather, as MPI and NCCL have it. Every shard
 * calls it as often as the others do.
 *
 * @param <S> {@link PartialStates}, which can be sent as bytes
 */
@FunctionalInterface
public interface AllGather<S> {
  /**
   * Sends the states of this shard to all shards.
   *
   * @param own the states of this shard
   * @return the states of all shards, these too, in any order
   */
  List<S> gather(S own);
}
