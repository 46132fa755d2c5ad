// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.plan.arrays.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Memory that one call after another reuses. Large memory is freed when its call ends. */
final class CallMemory {
  /** The maximum size of memory that is kept for the next call, if its size depends on the call. */
  static final long KEPT_BYTES = 1 << 20;

  private static final int ALIGNMENT = 64;

  /** Whether helper threads use large memory, too. */
  private final boolean shared;

  private MemorySegment kept = MemorySegment.NULL;

  /** Memory that only the current call uses. */
  private MemorySegment large = MemorySegment.NULL;

  private @Nullable Arena arena;

  CallMemory(boolean shared) {
    this.shared = shared;
  }

  /**
   * Returns memory with any contents.
   *
   * @param bytes its minimum size
   * @param keep whether later calls reuse the memory, even if it is large
   */
  MemorySegment reserve(long bytes, boolean keep) {
    if (kept.byteSize() >= bytes) {
      return kept;
    }
    if (keep || bytes <= KEPT_BYTES) {
      // Twice the size, so that calls with a growing number of rows seldom allocate.
      long size = Math.max(bytes, Math.min(2 * bytes, KEPT_BYTES));
      kept = Arena.ofAuto().allocate(size, ALIGNMENT);
      return kept;
    }
    if (large.byteSize() < bytes) {
      large = open().allocate(bytes, ALIGNMENT);
    }
    return large;
  }

  /**
   * Returns memory with any contents for a number of rows.
   *
   * @param bytes the size of each row
   * @param what the contents of a row, for an error message
   */
  MemorySegment reserveRows(long rows, long bytes, String what) {
    if (rows > KEPT_BYTES / bytes) {
      large = Memory.allocateRows(open(), rows, bytes, what);
      return large;
    }
    return reserve(rows * bytes, false);
  }

  private Arena open() {
    endCall();
    Arena opened = shared ? Arena.ofShared() : Arena.ofConfined();
    arena = opened;
    return opened;
  }

  /** Frees the memory that only the current call uses. */
  void endCall() {
    if (arena != null) {
      arena.close();
      arena = null;
      large = MemorySegment.NULL;
    }
  }
}
