// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.IntFunction;

/**
 * Large Java arrays that are reused. While the JVM zeroes a new array, the collector must wait, for
 * longer than the pauses that the load measures.
 */
final class LargeArrays {
  private record Kind(int elementBytes, int length) {}

  private final ConcurrentHashMap<Kind, Queue<Object>> free = new ConcurrentHashMap<>();

  Object take(int elementBytes, int length, IntFunction<Object> maker) {
    Object array = queue(elementBytes, length).poll();
    return array == null ? maker.apply(length) : array;
  }

  void give(int elementBytes, int length, Object array) {
    queue(elementBytes, length).add(array);
  }

  /** Frees the unused arrays. */
  void clear() {
    free.clear();
  }

  private Queue<Object> queue(int elementBytes, int length) {
    return free.computeIfAbsent(
        new Kind(elementBytes, length), kind -> new ConcurrentLinkedQueue<>());
  }
}
