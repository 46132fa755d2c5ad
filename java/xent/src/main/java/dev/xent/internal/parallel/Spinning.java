// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import java.util.function.BooleanSupplier;

/**
 * Waiting for something that comes soon. To park a thread and wake it again takes as long as tens
 * of thousands of elements.
 */
final class Spinning {
  /** About as long as it takes until a parked thread runs again. */
  static final long NANOS = 50_000;

  /** Between two looks at the clock. */
  private static final int LOOKS = 16;

  private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

  private Spinning() {}

  /** How many threads may wait in this way at once: with one processor none. */
  static int most() {
    return PROCESSORS - 1;
  }

  /** Returns whether what is waited for has come. */
  static boolean until(BooleanSupplier come) {
    return until(come, System.nanoTime() + NANOS);
  }

  /** Returns whether what is waited for has come by then. */
  static boolean until(BooleanSupplier come, long deadline) {
    if (most() == 0) {
      return come.getAsBoolean();
    }
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
