// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A whole copy of a struct that begins with its size: what the caller's header does not know is 0,
 * and what this one does not know must be 0.
 */
public final class SizedStruct {
  /** No version of any struct has more bytes. */
  private static final long MOST = 4096;

  /** The copy. */
  public final MemorySegment struct;

  private final long known;
  private final long least;

  /**
   * @param known how many bytes of it this version knows
   * @param least the size that the struct had in its first version
   */
  public SizedStruct(long known, long least) {
    this.known = known;
    this.least = least;
    struct = MemorySegment.ofArray(new long[(int) (known / Long.BYTES)]);
  }

  /** Whether there is a struct that begins with a size which some version can have: a status. */
  public int check(MemorySegment from) {
    return check(from, 0);
  }

  /** The same of one so many bytes behind the beginning, a multiple of 8. */
  public int check(MemorySegment from, long at) {
    if (!isThere(from)) {
      return Status.INVALID_ARGUMENT;
    }
    long size = size(from, at);
    boolean fits = size >= least && size <= MOST && size % Long.BYTES == 0;
    return fits ? Status.OK : Status.INVALID_SIZE;
  }

  /** Whether there is a struct whose size can be read. */
  public static boolean isThere(MemorySegment from) {
    return !Addresses.isNull(from) && Addresses.isAligned(from, Long.BYTES);
  }

  public static long size(MemorySegment from) {
    return Addresses.isNull(from) ? 0 : size(from, 0);
  }

  public static long size(MemorySegment from, long at) {
    return from.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
  }

  /** Copies a struct that fits; false when the caller set something that is not known here. */
  public boolean load(MemorySegment from) {
    return load(from, 0);
  }

  /** The same of one so many bytes behind the beginning. */
  public boolean load(MemorySegment from, long at) {
    long size = size(from, at);
    for (long i = known; i < size; i++) {
      if (from.get(ValueLayout.JAVA_BYTE, at + i) != 0) {
        return false;
      }
    }
    struct.fill((byte) 0);
    MemorySegment.copy(from, at, struct, 0, Math.min(size, known));
    return true;
  }

  /** Writes the copy back, all but the size and no more than the caller knows. */
  public void store(MemorySegment to) {
    long afterSize = Long.BYTES;
    MemorySegment.copy(struct, afterSize, to, afterSize, Math.min(size(to), known) - afterSize);
  }
}
