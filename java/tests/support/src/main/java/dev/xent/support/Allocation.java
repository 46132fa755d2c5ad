// SPDX-License-Identifier: Apache-2.0
package dev.xent.support;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Memory that calls allocate on the Java heap. */
public final class Allocation {
  private static final int CALLS = 4_000;

  /** Until the compiler has done its work, calls may allocate. */
  private static final int ROUNDS = 40;

  /** What asking for the number may allocate itself, and far below a byte per call. */
  private static final long NOTHING = 1024;

  private Allocation() {}

  /** A call allocates nothing once it is compiled. */
  public static void requireNone(Runnable call) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && least >= NOTHING; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < CALLS; i++) {
        call.run();
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(least).as("bytes of %d calls", CALLS).isLessThan(NOTHING);
  }
}
