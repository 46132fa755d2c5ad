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

  /** Whether {@link Arenas} is initialized. */
  private static boolean initialized;

  /** The class of the scopes of buffers, on the heap and direct; null before the first use. */
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
    if (!initialized) {
      JavaStack.requireInitializer();
    }
    boolean known = scope == Arenas.AUTOMATIC || (scope != Arenas.SHARED && isOfBuffers(scope));
    initialized = true;
    return known;
  }

  /** Comes last, because the first buffer of a process takes the JVM a millisecond. */
  private static boolean isOfBuffers(Class<?> scope) {
    Class<?> known = buffers;
    if (known == null) {
      JavaStack.requireInitializer();
      known = MemorySegment.ofBuffer(ByteBuffer.allocate(1)).scope().getClass();
      buffers = known;
    }
    return scope == known;
  }

  /** Whether the memory is open, and no other thread can close it. */
  public static boolean isHeld(MemorySegment segment) {
    return isNeverClosed(segment) || (isConfined(segment) && isAccessible(segment));
  }

  /** Whether the memory is open and this thread may use it. */
  public static boolean isAccessible(MemorySegment segment) {
    return segment.scope().isAlive() && segment.isAccessibleBy(Thread.currentThread());
  }

  /** Classes of scopes. Finding them reserves no memory off the heap, which could fail. */
  private static final class Arenas {
    private static final Class<?> AUTOMATIC = Arena.ofAuto().scope().getClass();

    /** That of memory that any thread may close. The arena has no memory, so nothing is lost. */
    private static final Class<?> SHARED = Arena.ofShared().scope().getClass();
  }
}
