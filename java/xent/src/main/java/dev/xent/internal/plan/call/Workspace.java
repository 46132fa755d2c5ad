// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Memory that the kernels of a thread work in. */
final class Workspace {
  private static final int ALIGNMENT = 64;

  private MemorySegment kept = MemorySegment.NULL;

  /** Memory of the current call alone. */
  private MemorySegment large = MemorySegment.NULL;

  private @Nullable Arena largeArena;

  /**
   * So many bytes.
   *
   * @param keep whether later calls get them too, however many
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

  /** Frees the memory of the current call. */
  void endCall() {
    if (largeArena != null) {
      largeArena.close();
      largeArena = null;
      large = MemorySegment.NULL;
    }
  }

  /** Forgets memory that is large: the next call may be another thread's. */
  void dropLarge() {
    if (kept.byteSize() > RowRecords.KEPT_BYTES) {
      kept = MemorySegment.NULL;
    }
  }
}
