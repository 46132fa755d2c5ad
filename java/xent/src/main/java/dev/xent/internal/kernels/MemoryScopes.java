// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** By whom memory can be closed. */
public final class MemoryScopes {
  /**
   * A thread that owns no memory. It does not inherit the context of the thread that creates it.
   */
  private static final Thread NOBODY = new Thread(null, null, "nobody", 0, false);

  // Classes of scopes; null before the first use. Finding them reserves no memory off the heap,
  // which could fail.

  private static @Nullable Class<?> automatic;

  /** That of memory that any thread may close. */
  private static @Nullable Class<?> shared;

  /** That of buffers, on the heap and direct. */
  private static @Nullable Class<?> buffers;

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
    if (automatic == null) {
      JavaStack.requireInitializer();
      automatic = Arena.ofAuto().scope().getClass();
    }
    return scope == automatic || (!isShared(scope) && isOfBuffers(scope));
  }

  private static boolean isShared(Class<?> scope) {
    if (shared == null) {
      JavaStack.requireInitializer();
      shared = Arena.ofShared().scope().getClass(); // of no memory, so nothing is lost
    }
    return scope == shared;
  }

  /** Comes last, because the first buffer of a process takes the JVM a millisecond. */
  private static boolean isOfBuffers(Class<?> scope) {
    if (buffers == null) {
      JavaStack.requireInitializer();
      buffers = MemorySegment.ofBuffer(ByteBuffer.allocate(1)).scope().getClass();
    }
    return scope == buffers;
  }

  /** Whether the memory is open, and no other thread can close it. */
  public static boolean isHeld(MemorySegment segment) {
    return isNeverClosed(segment) || (isConfined(segment) && isAccessible(segment));
  }

  /** Whether the memory is open and this thread may use it. */
  public static boolean isAccessible(MemorySegment segment) {
    return segment.scope().isAlive() && segment.isAccessibleBy(Thread.currentThread());
  }
}
