// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;

/**
 * Shards in one process that exchange their states, each on its own thread.
 *
 * @param <S> states
 */
final class ShardThreads<S> {
  private static final int SECONDS = 60;

  private final int shards;
  private final List<S> sent = new ArrayList<>();
  private final CyclicBarrier all;
  private List<S> gathered = List.of();
  private int rounds;

  /**
   * Of no states yet.
   *
   * @param wire what states go through, once all are there
   */
  ShardThreads(int shards, UnaryOperator<List<S>> wire) {
    this.shards = shards;
    this.all =
        new CyclicBarrier(
            shards,
            () -> {
              gathered = wire.apply(List.copyOf(sent));
              sent.clear();
              rounds++;
            });
  }

  /** How often states were exchanged. */
  int rounds() {
    return rounds;
  }

  List<S> gather(S mine) {
    synchronized (sent) {
      sent.add(mine);
    }
    try {
      all.await(SECONDS, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new IllegalStateException("another shard does not exchange states", e);
    }
    return gathered;
  }

  /** Runs all shards and returns their results, in the order of the shards. */
  <T> List<T> of(IntFunction<T> shard) throws Exception {
    List<Callable<T>> tasks = new ArrayList<>();
    for (int i = 0; i < shards; i++) {
      int mine = i;
      tasks.add(() -> shard.apply(mine));
    }
    List<T> results = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<T> result : threads.invokeAll(tasks)) {
        results.add(result.get());
      }
    }
    return results;
  }
}
