// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import java.util.function.BooleanSupplier;

/**
 * Spin-waits for an event that is expected soon. Parking and waking a thread takes as long as tens
 * of thousands of elements.
 */
final class Spinning {
  /** About the time that a parked thread takes to run again. */
  static final long NANOS = 50_000;

  /** Number of checks between two reads of the clock. */
  private static final int LOOKS = 16;

  private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

  private Spinning() {}

  /** Maximum number of threads that may spin at once: 0 with one processor. */
  static int most() {
    return PROCESSORS - 1;
  }

  /** Returns whether the condition became true in time. */
  static boolean until(BooleanSupplier come) {
    if (most() == 0) {
      return come.getAsBoolean();
    }
    long deadline = System.nanoTime() + NANOS;
    do {
      for (int i = 0; i < LOOKS; i++) {
        if (come.getAsBoolean()) {
          return true;
        }
        Thread.onSpinWait();
      }
    } while (System.nanoTime() - deadline < 0);
    return false;
  }
}
