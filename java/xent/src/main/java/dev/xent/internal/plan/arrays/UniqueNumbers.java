// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import java.util.concurrent.atomic.AtomicLong;

/** Unique numbers that identify objects without a reference to them. */
public final class UniqueNumbers {
  /** The number that no object has. */
  public static final long NONE = 0;

  private static final AtomicLong TAKEN = new AtomicLong(NONE + 1);

  private UniqueNumbers() {}

  /** Returns the next number. */
  public static long take() {
    return TAKEN.getAndIncrement();
  }
}
