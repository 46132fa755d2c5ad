// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/**
 * Detects calls so frequent that the JVM compiles the linker's method handles, and so short that
 * the overhead of a native method matters: {@value #COUNTED} calls, with what the caller does
 * between them, in {@value #MICROSECONDS} microseconds each on average. An engine that draws a
 * token every ten milliseconds never reaches this rate.
 */
final class CallRate {
  private static final int COUNTED = 1000;
  private static final long MICROSECONDS = 20;

  private int calls;
  private long since = System.nanoTime();
  private boolean high;

  /** Counts a call and returns whether the rate is high. */
  boolean isHigh() {
    if (++calls == COUNTED) {
      look();
    }
    return high;
  }

  private void look() {
    long now = System.nanoTime();
    high = now - since < COUNTED * MICROSECONDS * 1000;
    since = now;
    calls = 0;
  }
}
