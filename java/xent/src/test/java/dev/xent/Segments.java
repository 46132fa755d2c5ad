// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** {@code Arena.allocateFrom}, which JDK 21 has by another name. */
public final class Segments {
  private Segments() {}

  public static MemorySegment of(Arena arena, byte... values) {
    return arena.allocate(values.length).copyFrom(MemorySegment.ofArray(values));
  }

  public static MemorySegment of(Arena arena, int... values) {
    return of(arena, MemorySegment.ofArray(values), Integer.BYTES);
  }

  public static MemorySegment of(Arena arena, long... values) {
    return of(arena, MemorySegment.ofArray(values), Long.BYTES);
  }

  public static MemorySegment of(Arena arena, float... values) {
    return of(arena, MemorySegment.ofArray(values), Float.BYTES);
  }

  private static MemorySegment of(Arena arena, MemorySegment values, long alignment) {
    return arena.allocate(values.byteSize(), alignment).copyFrom(values);
  }
}
