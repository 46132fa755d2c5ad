// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The release callbacks of the C Data Interface: {@code void (*release)(struct *)}. */
final class CRelease {
  private static final MethodHandle RELEASE =
      Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));

  private CRelease() {}

  static void call(MemorySegment struct, long function) {
    try {
      RELEASE.invokeExact(MemorySegment.ofAddress(function), struct);
    } catch (Throwable e) {
      throw new AssertionError("a call of C threw", e);
    }
  }
}
