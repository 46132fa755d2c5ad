// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

/**
 * Whether calls come so often that the JVM compiles the method handles of the linker, and so fast
 * that the time of a native method counts: {@value #COUNTED} calls within {@value #MICROSECONDS}
 * microseconds each. An engine that draws a token every ten milliseconds never gets there.
 */
final class CallRate {
  private static final int COUNTED = 1000;
  private static final long MICROSECONDS = 20;

  private int calls;
  private long since = System.nanoTime();
  private boolean high;

  /** Counts a call. */
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
