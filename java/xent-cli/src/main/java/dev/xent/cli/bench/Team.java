// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;

/** Threads that share copies and reads of memory, equal in number to the threads of operations. */
final class Team implements AutoCloseable {
  private final int size;
  private final ExecutorService others;

  /** Creates a team of the calling thread and {@code size - 1} others. */
  Team(int size) {
    this.size = size;
    this.others =
        Executors.newFixedThreadPool(
            Math.max(1, size - 1), Thread.ofPlatform().daemon().name("xent-memory-", 0).factory());
  }

  int size() {
    return size;
  }

  /** Runs the parts 0 to size - 1 at once, one per thread; the calling thread runs the last one. */
  Work together(IntFunction<Work> part) {
    List<Work> parts = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      parts.add(part.apply(i));
    }
    return times -> {
      double sum = 0;
      for (int i = 0; i < times; i++) {
        sum += once(parts);
      }
      return sum;
    };
  }

  private double once(List<Work> parts) {
    List<Future<Double>> running = new ArrayList<>();
    parts.subList(0, size - 1).forEach(part -> running.add(others.submit(() -> part.repeat(1))));
    double sum = parts.getLast().repeat(1);
    try {
      for (Future<Double> part : running) {
        sum += part.get();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted while memory was measured", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
    return sum;
  }

  @Override
  public void close() {
    others.shutdown();
  }
}
