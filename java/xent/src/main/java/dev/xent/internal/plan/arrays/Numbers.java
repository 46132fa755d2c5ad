// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import java.util.concurrent.atomic.AtomicLong;

/** Numbers of which no two are the same, so that things can be recognised without being kept. */
public final class Numbers {
  /** What nothing has as its number. */
  public static final long NONE = 0;

  private static final AtomicLong TAKEN = new AtomicLong(NONE + 1);

  private Numbers() {}

  /** One more. */
  public static long take() {
    return TAKEN.getAndIncrement();
  }
}
