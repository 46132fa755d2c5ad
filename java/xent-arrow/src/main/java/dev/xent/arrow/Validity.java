// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.LongConsumer;

/**
 * Validity bitmaps: value {@code i} is not null if bit {@code i % 8} of byte {@code i / 8} is set.
 */
final class Validity {
  private static final int ALL = 0xff;

  private Validity() {}

  /** The size in bytes of a bitmap of {@code values} values. */
  static long bytes(long values) {
    return (values + 7) >>> 3;
  }

  /** The first value of a range that is null, or -1. */
  static long firstNull(MemorySegment bitmap, long from, long to) {
    long i = from;
    while (i < to) {
      if ((i & 7) == 0 && to - i >= Long.SIZE && sixtyFour(bitmap, i) == -1) {
        i += Long.SIZE;
        continue;
      }
      int bits = bitmap.get(ValueLayout.JAVA_BYTE, i >>> 3) & ALL;
      if (bits == ALL) {
        i = (i | 7) + 1; // the first value of the next byte
      } else if ((bits >>> (i & 7) & 1) == 0) {
        return i;
      } else {
        i++;
      }
    }
    return -1;
  }

  /** The bits of 64 values, from value {@code from}, a multiple of 8. */
  private static long sixtyFour(MemorySegment bitmap, long from) {
    return bitmap.get(ValueLayout.JAVA_LONG_UNALIGNED, from >>> 3);
  }

  /** Calls {@code action} for each null of a range. */
  static void forEachNull(MemorySegment bitmap, long from, long to, LongConsumer action) {
    for (long i = firstNull(bitmap, from, to); i >= 0; i = firstNull(bitmap, i + 1, to)) {
      action.accept(i);
    }
  }
}
