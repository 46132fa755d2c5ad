// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** The memory that arenas come from. */
final class NativeHeap {
  /** Of the GNU C library; others give memory back by themselves. */
  private static final Optional<MethodHandle> MALLOC_TRIM =
      Linker.nativeLinker()
          .defaultLookup()
          .find("malloc_trim")
          .map(
              address ->
                  Linker.nativeLinker()
                      .downcallHandle(
                          address,
                          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG)));

  private NativeHeap() {}

  /** Gives what was freed back to the system: otherwise it stays resident, in holes. */
  static void trim() {
    if (MALLOC_TRIM.isPresent()) {
      try {
        int trimmed = (int) MALLOC_TRIM.get().invokeExact(0L);
        assert trimmed == 0 || trimmed == 1;
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }
  }
}
