// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.adapter;

import dev.xent.errors.MemoryException;
import java.lang.foreign.MemorySegment;

/** The checks and messages that the adapters of other libraries share. */
public final class Sharing {
  private Sharing() {}

  /** The exception for an arena that is closed or belongs to another thread. */
  public static MemoryException unusable(RuntimeException e) {
    return new MemoryException(
        "the arena cannot be used: "
            + e.getMessage()
            + "; pass an open arena that is shared or confined to this thread",
        e);
  }

  /** Rejects memory of an arena that is closed or another thread's. */
  public static void requireUsable(String what, MemorySegment memory) {
    if (!memory.scope().isAlive() || !memory.isAccessibleBy(Thread.currentThread())) {
      throw new MemoryException(
          what
              + " belongs to an arena that is closed or confined to another thread: use an open"
              + " shared one");
    }
  }
}
