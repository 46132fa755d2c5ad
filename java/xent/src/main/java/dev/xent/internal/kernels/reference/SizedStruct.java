// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A whole copy of a struct that begins with its size: what the caller's header does not know is 0,
 * and what this one does not know must be 0.
 */
final class SizedStruct {
  static final long LEAST = Long.BYTES;

  /** The copy. */
  final MemorySegment struct;

  private final long known;

  SizedStruct(MemoryLayout layout) {
    known = layout.byteSize();
    struct = MemorySegment.ofArray(new long[(int) (known / Long.BYTES)]);
  }

  /** Whether there is a struct with a size at all. */
  static boolean isUsable(MemorySegment from) {
    return !Addresses.isNull(from)
        && Addresses.isAligned(from, Long.BYTES)
        && Long.compareUnsigned(size(from), LEAST) >= 0;
  }

  static long size(MemorySegment from) {
    return Addresses.isNull(from) ? 0 : from.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
  }

  /** Copies; false when the caller set something that is not known here. */
  boolean load(MemorySegment from) {
    long size = size(from);
    for (long i = known; Long.compareUnsigned(i, size) < 0; i++) {
      if (from.get(ValueLayout.JAVA_BYTE, i) != 0) {
        return false;
      }
    }
    struct.fill((byte) 0);
    MemorySegment.copy(from, 0, struct, 0, knownBytes(size));
    return true;
  }

  /** Writes the copy back, all but the size and no more than the caller knows. */
  void store(MemorySegment to) {
    MemorySegment.copy(struct, LEAST, to, LEAST, knownBytes(size(to)) - LEAST);
  }

  /** How many bytes both sides know; sizes are unsigned. */
  private long knownBytes(long size) {
    return Long.compareUnsigned(size, known) < 0 ? size : known;
  }
}
