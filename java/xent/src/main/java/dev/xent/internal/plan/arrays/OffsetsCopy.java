// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A copy of the row offsets of a call, in memory that no other thread can change between their
 * check and their use. Copies of up to a hundred thousand rows reuse memory from call to call. A
 * larger copy is allocated in every call and freed when the call ends.
 */
public final class OffsetsCopy {
  private static final long KEPT_BYTES = 1 << 20;

  private MemorySegment kept = MemorySegment.NULL;
  private @Nullable Arena large;

  /**
   * Copies the offsets. The segment may be longer than the copy; it is valid until {@link
   * #release()}.
   */
  public MemorySegment of(View offsets) {
    MemorySegment copy = room(offsets.bytes);
    MemorySegment.copy(offsets.segment, 0, copy, 0, offsets.bytes);
    return copy;
  }

  private MemorySegment room(long bytes) {
    if (bytes > KEPT_BYTES) {
      large = Arena.ofShared(); // helper threads read it too
      return large.allocate(bytes, Long.BYTES);
    }
    if (kept.byteSize() < bytes) {
      // Twice the size, so that calls with a growing number of rows seldom allocate.
      kept = Arena.ofAuto().allocate(Math.min(2 * bytes, KEPT_BYTES), Long.BYTES);
    }
    return kept;
  }

  /** Frees a large copy at the end of the call. */
  public void release() {
    if (large != null) {
      large.close();
      large = null;
    }
  }
}
