// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.adapter;

import static dev.xent.internal.text.Messages.message;

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

  /**
   * Rejects a tensor whose memory a library cannot use in place.
   *
   * @param tensor its description
   */
  public static void requireWrappable(
      String tensor, MemorySegment memory, boolean contiguous, String library, long mostBytes) {
    String problem =
        !memory.isNative()
            ? message("would be copied by %s: allocate it off the heap", library)
            : !contiguous
                ? message(
                    "is not contiguous, and %s takes no strides: copy it with copyFrom into a"
                        + " tensor that is",
                    library)
                : memory.isReadOnly()
                    ? message("could be written by %s; expected writable memory or a copy", library)
                    : memory.byteSize() > mostBytes
                        ? message(
                            "has %d bytes, %s takes at most %d at once: wrap slices of it",
                            memory.byteSize(), library, mostBytes)
                        : null;
    if (problem != null) {
      throw new MemoryException(tensor + " " + problem);
    }
    requireUsable(tensor, memory);
  }
}
