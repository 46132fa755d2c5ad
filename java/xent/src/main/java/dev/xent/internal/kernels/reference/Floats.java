// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Strided floats of a segment and contiguous ones of a scratch array. Indices and strides in
 * elements.
 */
final class Floats {
  /** Unaligned, because a heap segment may be a view of bytes; alignment has been checked. */
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private Floats() {}

  static float get(MemorySegment array, long index) {
    return array.get(FLOAT, index * Float.BYTES);
  }

  static void set(MemorySegment array, long index, float value) {
    array.set(FLOAT, index * Float.BYTES, value);
  }

  static void load(MemorySegment array, long index, long stride, float[] into, int count) {
    if (stride == 1) {
      MemorySegment.copy(array, FLOAT, index * Float.BYTES, into, 0, count);
      return;
    }
    for (int i = 0; i < count; i++) {
      into[i] = array.get(FLOAT, (index + i * stride) * Float.BYTES);
    }
  }

  static void store(float[] from, int count, MemorySegment array, long index, long stride) {
    if (stride == 1) {
      MemorySegment.copy(from, 0, array, FLOAT, index * Float.BYTES, count);
      return;
    }
    for (int i = 0; i < count; i++) {
      array.set(FLOAT, (index + i * stride) * Float.BYTES, from[i]);
    }
  }
}
