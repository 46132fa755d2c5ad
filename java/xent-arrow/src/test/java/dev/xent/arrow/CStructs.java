// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xent.support.Segments;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/** Structs of the C Data Interface field by field, right ones and wrong ones. */
final class CStructs {
  static final int LENGTH = 0;
  static final int NULL_COUNT = 1;
  static final int OFFSET = 2;
  static final int BUFFER_COUNT = 3;
  static final int CHILD_COUNT = 4;
  static final int BUFFERS = 5;
  static final int CHILDREN = 6;
  static final int DICTIONARY = 7;
  static final int RELEASE = 8;

  static final int SCHEMA_FORMAT = 0;
  static final int SCHEMA_CHILD_COUNT = 4;
  static final int SCHEMA_CHILDREN = 5;
  static final int SCHEMA_DICTIONARY = 6;
  static final int SCHEMA_RELEASE = 7;

  private static int released;

  private final Arena arena;
  private final long release;

  CStructs(Arena arena) {
    this.arena = arena;
    release = stub();
    released = 0;
  }

  /** How often a release callback was called. */
  int released() {
    return released;
  }

  /** An array with these buffers and at most one child, without nulls and without an offset. */
  MemorySegment array(long length, MemorySegment child, long... buffers) {
    MemorySegment struct = arena.allocate(80, 8);
    set(struct, LENGTH, length);
    set(struct, BUFFER_COUNT, buffers.length);
    set(struct, BUFFERS, Segments.of(arena, buffers).address());
    if (child.address() != 0) {
      set(struct, CHILD_COUNT, 1);
      set(struct, CHILDREN, Segments.of(arena, child.address()).address());
    }
    set(struct, RELEASE, release);
    return struct;
  }

  MemorySegment schema(String format, MemorySegment child) {
    MemorySegment struct = arena.allocate(72, 8);
    set(struct, SCHEMA_FORMAT, Segments.ofText(arena, format).address());
    if (child.address() != 0) {
      set(struct, SCHEMA_CHILD_COUNT, 1);
      set(struct, SCHEMA_CHILDREN, Segments.of(arena, child.address()).address());
    }
    set(struct, SCHEMA_RELEASE, release);
    return struct;
  }

  /** Sets a field, all of which have eight bytes. */
  static void set(MemorySegment struct, int field, long value) {
    struct.setAtIndex(JAVA_LONG, field, value);
  }

  @SuppressWarnings("UnusedMethod") // by C
  private static void count(MemorySegment struct) {
    released++;
  }

  private long stub() {
    try {
      return Linker.nativeLinker()
          .upcallStub(
              MethodHandles.lookup()
                  .findStatic(
                      CStructs.class,
                      "count",
                      MethodType.methodType(void.class, MemorySegment.class)),
              FunctionDescriptor.ofVoid(ADDRESS),
              arena)
          .address();
    } catch (ReflectiveOperationException e) {
      throw new AssertionError("the method is in this class", e);
    }
  }
}
