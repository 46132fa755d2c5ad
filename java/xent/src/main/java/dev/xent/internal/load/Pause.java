// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

/**
 * How long to wait until loading is tried again: no time after the first failure, then 0.1 seconds,
 * twice as long after each further one, and at most 64 seconds.
 *
 * @param since when the last try failed, in {@link System#nanoTime}
 * @param nanos how long to wait from then on
 */
record Pause(long since, long nanos) {
  private static final long SHORTEST = 100_000_000L;
  private static final long LONGEST = 64_000_000_000L;

  /** After the first failure. */
  static Pause none() {
    return new Pause(System.nanoTime(), 0);
  }

  /** After one more failure. */
  Pause next() {
    return new Pause(System.nanoTime(), Math.clamp(2 * nanos, SHORTEST, LONGEST));
  }

  boolean isOver() {
    return System.nanoTime() - since >= nanos;
  }
}
