// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

/**
 * The delay before loading is tried again: 0 after the first failure, then 0.1 seconds, doubled
 * after each further failure, up to 64 seconds.
 *
 * @param since time of the last failure, by {@link System#nanoTime}
 * @param nanos delay after it
 */
record Pause(long since, long nanos) {
  private static final long SHORTEST = 100_000_000L;
  private static final long LONGEST = 64_000_000_000L;

  /** The delay after the first failure. */
  static Pause none() {
    return new Pause(System.nanoTime(), 0);
  }

  /** The delay after a further failure. */
  Pause next() {
    return new Pause(System.nanoTime(), Math.clamp(2 * nanos, SHORTEST, LONGEST));
  }

  boolean isOver() {
    return System.nanoTime() - since >= nanos;
  }
}
