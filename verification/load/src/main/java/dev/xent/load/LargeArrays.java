// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.IntFunction;

/**
 * Large Java arrays, which are used again. The virtual machine holds the collector up while it
 * zeroes a new one, for longer than what is measured.
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

  /** Lets go of those that nobody has taken. */
  void clear() {
    free.clear();
  }

  private Queue<Object> queue(int elementBytes, int length) {
    return free.computeIfAbsent(
        new Kind(elementBytes, length), kind -> new ConcurrentLinkedQueue<>());
  }
}
