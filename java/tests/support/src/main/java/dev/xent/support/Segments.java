// SPDX-License-Identifier: Apache-2.0
package dev.xent.support;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** {@code Arena.allocateFrom}, which JDK 21 has by another name. */
public final class Segments {
  private Segments() {}

  /** Returns a segment with these bytes. */
  public static MemorySegment of(Arena arena, byte... values) {
    return arena.allocate(values.length).copyFrom(MemorySegment.ofArray(values));
  }

  /** Returns a segment with these I32. */
  public static MemorySegment of(Arena arena, int... values) {
    return of(arena, MemorySegment.ofArray(values), Integer.BYTES);
  }

  /** Returns a segment with these I64. */
  public static MemorySegment of(Arena arena, long... values) {
    return of(arena, MemorySegment.ofArray(values), Long.BYTES);
  }

  /** Returns a segment with these F32. */
  public static MemorySegment of(Arena arena, float... values) {
    return of(arena, MemorySegment.ofArray(values), Float.BYTES);
  }

  private static MemorySegment of(Arena arena, MemorySegment values, long alignment) {
    return arena.allocate(values.byteSize(), alignment).copyFrom(values);
  }

  /** A string of C. */
  public static MemorySegment ofText(Arena arena, String text) {
    return of(arena, (text + "\0").getBytes(StandardCharsets.UTF_8));
  }
}
