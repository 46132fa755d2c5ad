// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** By whom memory can be closed. */
public final class MemoryScopes {
  /**
   * A thread that owns no memory. It does not inherit the context of the thread that creates it.
   */
  private static final Thread NOBODY = new Thread(null, null, "nobody", 0, false);

  /** Whether {@link NeverClosed} is initialized. */
  private static boolean initialized;

  private MemoryScopes() {}

  /** Whether only one thread may use and close the memory. */
  public static boolean isConfined(MemorySegment segment) {
    return !segment.isAccessibleBy(NOBODY);
  }

  /**
   * Whether the memory is known to stay open while it is reachable: of the global arena, of an
   * automatic arena, or of a direct buffer.
   */
  public static boolean isNeverClosed(MemorySegment segment) {
    MemorySegment.Scope scope = segment.scope();
    return scope.equals(Arena.global().scope())
        || (!isConfined(segment) && isNeverClosed(scope.getClass()));
  }

  private static boolean isNeverClosed(Class<?> scope) {
    if (!initialized) {
      JavaStack.requireInitializer();
    }
    boolean known = NeverClosed.has(scope);
    initialized = true;
    return known;
  }

  /** Whether the memory is open, and no other thread can close it. */
  public static boolean isHeld(MemorySegment segment) {
    return isNeverClosed(segment) || (isConfined(segment) && isAccessible(segment));
  }

  /** Whether the memory is open and this thread may use it. */
  public static boolean isAccessible(MemorySegment segment) {
    return segment.scope().isAlive() && segment.isAccessibleBy(Thread.currentThread());
  }

  /**
   * The classes of the scopes of memory that only the garbage collector frees. Finding them
   * reserves no memory off the heap, which could fail.
   */
  private static final class NeverClosed {
    private static final Class<?> AUTOMATIC = Arena.ofAuto().scope().getClass();

    /** That of buffers, on the heap and direct. */
    private static final Class<?> BUFFER =
        MemorySegment.ofBuffer(ByteBuffer.allocate(1)).scope().getClass();

    /** That of memory that any thread may close. The arena has no memory, so nothing is lost. */
    private static final Class<?> SHARED = Arena.ofShared().scope().getClass();

    static boolean has(Class<?> scope) {
      return (scope == AUTOMATIC || scope == BUFFER) && scope != SHARED;
    }
  }
}
