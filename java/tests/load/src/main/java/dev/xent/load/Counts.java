// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/** The counts of all threads together. */
final class Counts {
  private static final int MOST_MESSAGES = 20;

  final LongAdder calls = new LongAdder();
  final LongAdder values = new LongAdder();
  final LongAdder wrong = new LongAdder();

  /** Calls that threw, and interrupts that were lost. */
  final LongAdder failures = new LongAdder();

  final LongAdder arenas = new LongAdder();
  final LongAdder interrupts = new LongAdder();
  final LongAdder threads = new LongAdder();

  final Queue<String> messages = new ConcurrentLinkedQueue<>();

  /** Keeps the first messages. */
  void say(String message) {
    if (messages.size() < MOST_MESSAGES) {
      messages.add(message);
    }
  }
}
