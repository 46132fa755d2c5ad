// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The memory of an array, as the linker and as native methods take it. */
public class ArrayMemory {
  /** Begins with the first element and ends with the last one. */
  public final MemorySegment segment;

  /** The Java array below, or null: off the heap, or hidden because the segment is read-only. */
  public final @Nullable Object array;

  /** Of the first element: an address, or an offset into the array. */
  public final long address;

  /** An array that begins and ends with a segment. */
  public ArrayMemory(MemorySegment segment, @Nullable Object array) {
    this.segment = segment;
    this.array = array;
    this.address = segment.address();
  }
}
