// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Numbers of which no two are the same, so that things can be recognised without being kept. A
 * thread takes many at once: it must not wait for the others to name what it sees first.
 */
public final class Numbers {
  /** What nothing has as its number. */
  public static final long NONE = 0;

  private static final int AT_ONCE = 1 << 20;

  private static final AtomicLong TAKEN = new AtomicLong(NONE + 1);

  private long next;
  private long end;

  /** One more. */
  public long take() {
    if (next == end) {
      next = TAKEN.getAndAdd(AT_ONCE);
      end = next + AT_ONCE;
    }
    return next++;
  }

  /** One for something that lives long. */
  public static long takeOne() {
    return TAKEN.getAndIncrement();
  }
}
