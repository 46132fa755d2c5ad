// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import java.lang.foreign.MemorySegment;

/** Segments as addresses: off the heap, or a place in a heap array. */
public final class Addresses {
  private Addresses() {}

  public static boolean isNull(MemorySegment segment) {
    return segment.isNative() && segment.address() == 0;
  }

  public static boolean isAligned(MemorySegment segment, long alignment) {
    return segment.address() % alignment == 0;
  }

  /** Whether the first bytes of the two share a place; also for read-only views of heap arrays. */
  public static boolean overlap(MemorySegment a, long aBytes, MemorySegment b, long bBytes) {
    return areInOneSpace(a, b)
        && a.address() < b.address() + bBytes
        && b.address() < a.address() + aBytes;
  }

  /** Whether addresses can be compared: off the heap, or of overlapping segments of one array. */
  private static boolean areInOneSpace(MemorySegment a, MemorySegment b) {
    return a.isNative() ? b.isNative() : a.asOverlappingSlice(b).isPresent();
  }
}
