// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Until it is closed, a write of this process beyond a position fails, as on a full disk. Linux.
 */
final class FileSizeLimit {
  private static final int RLIMIT_FSIZE = 1;

  private FileSizeLimit() {}

  static void run(long bytes, Runnable work) {
    long before = set(bytes);
    try {
      work.run();
    } finally {
      set(before);
    }
  }

  /** Sets the limit that can be raised again, and returns the one before. */
  @SuppressWarnings("restricted")
  private static long set(long bytes) {
    Linker linker = Linker.nativeLinker();
    FunctionDescriptor type =
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS);
    MethodHandle get =
        linker.downcallHandle(linker.defaultLookup().find("getrlimit").orElseThrow(), type);
    MethodHandle set =
        linker.downcallHandle(linker.defaultLookup().find("setrlimit").orElseThrow(), type);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment limits = arena.allocate(2 * Long.BYTES, Long.BYTES);
      int read = (int) get.invokeExact(RLIMIT_FSIZE, limits);
      long old = limits.get(ValueLayout.JAVA_LONG, 0);
      limits.set(ValueLayout.JAVA_LONG, 0, bytes);
      if (read != 0 || (int) set.invokeExact(RLIMIT_FSIZE, limits) != 0) {
        throw new AssertionError("no limit of file sizes here");
      }
      return old;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
