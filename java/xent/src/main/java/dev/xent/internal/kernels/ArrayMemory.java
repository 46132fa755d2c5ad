// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The memory of an array, in the forms that the linker and native methods accept. */
public class ArrayMemory {
  /** The segment from the first to the last element. */
  public final MemorySegment segment;

  /**
   * The Java array that holds the elements. Null for memory off the heap, or if the segment is
   * read-only and hides it.
   */
  public final @Nullable Object array;

  /** The address of the first element, or its offset in bytes in the Java array. */
  public final long address;

  /** Makes the memory of an array that fills a segment. */
  public ArrayMemory(MemorySegment segment, @Nullable Object array) {
    this.segment = segment;
    this.array = array;
    this.address = segment.address();
  }
}
