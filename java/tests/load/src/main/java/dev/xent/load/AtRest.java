// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.management.ManagementFactory;
import java.util.Optional;

/**
 * Memory without running calls, after collections and after freed memory went back to the system.
 *
 * @param residentMib of the process
 * @param heapMib of live Java objects
 */
record AtRest(double residentMib, double heapMib) {
  /** A function of the GNU C library; other libraries return memory to the system on their own. */
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

  static AtRest now() throws IOException, InterruptedException {
    for (int i = 0; i < 5; i++) {
      System.gc();
      Thread.sleep(200);
    }
    trim();
    return new AtRest(
        ProcessState.residentKilobytes() / 1024.0,
        ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 1048576.0);
  }

  /** Returns freed memory to the system; otherwise it stays resident, in holes. */
  private static void trim() {
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
