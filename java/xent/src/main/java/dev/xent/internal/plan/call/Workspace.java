// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Temporary memory for the kernels of a thread. */
final class Workspace {
  private static final int ALIGNMENT = 64;

  private MemorySegment kept = MemorySegment.NULL;

  /** Memory that only the current call uses. */
  private MemorySegment large = MemorySegment.NULL;

  private @Nullable Arena largeArena;

  /**
   * Returns memory for the kernels.
   *
   * @param bytes its minimum size
   * @param keep whether later calls reuse the memory, even if it is large
   */
  MemorySegment reserve(long bytes, boolean keep) {
    if (kept.byteSize() >= bytes) {
      return kept;
    }
    if (keep || bytes <= RowRecords.KEPT_BYTES) {
      kept = Arena.ofAuto().allocate(bytes, ALIGNMENT);
      return kept;
    }
    if (large.byteSize() < bytes) {
      endCall();
      largeArena = Arena.ofConfined();
      large = largeArena.allocate(bytes, ALIGNMENT);
    }
    return large;
  }

  /** Frees the memory that only the current call uses. */
  void endCall() {
    if (largeArena != null) {
      largeArena.close();
      largeArena = null;
      large = MemorySegment.NULL;
    }
  }

  /** Drops large memory, because the next call may be another thread's. */
  void dropLarge() {
    if (kept.byteSize() > RowRecords.KEPT_BYTES) {
      kept = MemorySegment.NULL;
    }
  }
}
