// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.lang.foreign.MemorySegment;

/**
 * Copies and compares memory in pieces. The collector waits while a segment is copied, and this
 * must never take longer than the pauses that the load measures.
 */
final class Bytes {
  private static final long PIECE = 1 << 16;

  /** The contents of outputs before a call, to detect elements that it does not write. */
  private static final byte UNWRITTEN = (byte) 0xa5;

  private Bytes() {}

  static void copy(MemorySegment from, MemorySegment to) {
    long size = from.byteSize();
    for (long at = 0; at < size; at += PIECE) {
      MemorySegment.copy(from, at, to, at, Math.min(PIECE, size - at));
    }
  }

  static void spoil(MemorySegment segment) {
    long size = segment.byteSize();
    for (long at = 0; at < size; at += PIECE) {
      segment.asSlice(at, Math.min(PIECE, size - at)).fill(UNWRITTEN);
    }
  }

  /** The number of different elements of this size. */
  static long differences(MemorySegment expected, MemorySegment found, int elementBytes) {
    long size = expected.byteSize();
    long differences = 0;
    long at = 0;
    while (at < size) {
      long end = Math.min(at + PIECE, size);
      long same = MemorySegment.mismatch(expected, at, end, found, at, end);
      if (same < 0) {
        at = end;
      } else {
        differences++;
        at = (at + same) / elementBytes * elementBytes + elementBytes;
      }
    }
    return differences;
  }
}
