// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/**
 * Calls of other libraries' deleters, and the deleter of exported tensors. The method handles are
 * created at first use, not when the class is loaded, so that every call reports missing native
 * access.
 */
final class Natives {
  /** {@code void deleter(struct *self)}. */
  private static final FunctionDescriptor DELETER = FunctionDescriptor.ofVoid(Layouts.ADDRESS);

  private static @Nullable MethodHandle call;
  private static @Nullable MemorySegment ours;

  private Natives() {}

  /** Calls a producer's deleter; a NULL deleter means that nothing has to be freed. */
  static void delete(MemorySegment deleter, MemorySegment self) {
    if (deleter.address() == 0) {
      return;
    }
    try {
      call().invokeExact(deleter, self);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a C function throws nothing", e);
    }
  }

  private static synchronized MethodHandle call() {
    if (call == null) {
      call = Linker.nativeLinker().downcallHandle(DELETER);
    }
    return call;
  }

  /**
   * The deleter of all exported tensors. It is never freed, because a consumer may keep its address
   * for any time.
   */
  static synchronized MemorySegment deleter() {
    if (ours == null) {
      try {
        MethodHandle target =
            MethodHandles.lookup()
                .findStatic(
                    Exports.class,
                    "delete",
                    MethodType.methodType(void.class, MemorySegment.class));
        ours = Linker.nativeLinker().upcallStub(target, DELETER, Arena.global());
      } catch (ReflectiveOperationException e) {
        throw new AssertionError("the method is in this package", e);
      }
    }
    return ours;
  }
}
