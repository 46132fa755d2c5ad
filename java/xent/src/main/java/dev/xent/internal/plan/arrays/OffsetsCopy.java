// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The row offsets of a call, in memory that no other thread can change between their check and
 * their use. A copy of up to a hundred thousand rows lies in memory that is kept for the next call;
 * a larger one is made anew in every call, and freed when the call ends.
 */
public final class OffsetsCopy {
  private static final long KEPT_BYTES = 1 << 20;

  private MemorySegment kept = MemorySegment.NULL;
  private @Nullable Arena large;

  /** The copy, which may be followed by more; it lasts until {@link #release()}. */
  public MemorySegment of(View offsets) {
    MemorySegment copy = room(offsets.bytes);
    MemorySegment.copy(offsets.segment, 0, copy, 0, offsets.bytes);
    return copy;
  }

  private MemorySegment room(long bytes) {
    if (bytes > KEPT_BYTES) {
      large = Arena.ofShared(); // helpers read it too
      return large.allocate(bytes, Long.BYTES);
    }
    if (kept.byteSize() < bytes) {
      // Twice the need, so that calls of ever more rows seldom make a new one.
      kept = Arena.ofAuto().allocate(Math.min(2 * bytes, KEPT_BYTES), Long.BYTES);
    }
    return kept;
  }

  /** The call is over. */
  public void release() {
    if (large != null) {
      large.close();
      large = null;
    }
  }
}
