// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static dev.xent.dlpack.Layouts.ADDRESS;
import static dev.xent.dlpack.Layouts.BYTE;
import static dev.xent.dlpack.Layouts.INT;
import static dev.xent.dlpack.Layouts.LONG;
import static dev.xent.dlpack.Layouts.SHORT;

import dev.xent.Tensor;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The exported tensors that consumers have not released. The map keeps the memory of each tensor,
 * and the struct that describes it, reachable.
 */
final class Exports {
  /** The alignment of exported copies, which suits the vector loads of consumers. */
  static final int ALIGNMENT = 256;

  private static final Map<Long, Exported> OUT = new ConcurrentHashMap<>();

  /**
   * An exported tensor that is not released.
   *
   * @param struct whose address the consumer has
   * @param tensor whose memory the struct points to
   * @param released run when the consumer calls the deleter
   */
  private record Exported(MemorySegment struct, Tensor tensor, Runnable released) {}

  private Exports() {}

  /** The number of exported tensors that are not released. */
  static int count() {
    return OUT.size();
  }

  /** Exports a tensor, and returns the address of a struct that the consumer owns from now on. */
  static MemorySegment add(Tensor tensor, long flags, Runnable released) {
    MemorySegment struct = allocate(Layouts.VERSIONED, tensor);
    struct.set(INT, Field.MAJOR, Managed.MAJOR);
    struct.set(ADDRESS, Field.DELETER, Natives.deleter());
    struct.set(LONG, Field.FLAGS, flags | (tensor.isReadOnly() ? Flags.READ_ONLY : 0));
    return add(struct, Field.TENSOR, Layouts.VERSIONED.byteSize(), tensor, released);
  }

  /** As {@link #add}, with the unversioned struct of DLPack before 1.0. */
  static MemorySegment addUnversioned(Tensor tensor, Runnable released) {
    MemorySegment struct = allocate(Layouts.UNVERSIONED, tensor);
    struct.set(ADDRESS, Field.UNVERSIONED_DELETER, Natives.deleter());
    return add(struct, Field.UNVERSIONED_TENSOR, Layouts.UNVERSIONED.byteSize(), tensor, released);
  }

  /**
   * Allocates a struct of zeros with room for shape and strides after it. The garbage collector
   * frees it, so a consumer that reads it shortly after calling the deleter does not crash.
   */
  private static MemorySegment allocate(StructLayout layout, Tensor tensor) {
    long numbers = 2L * tensor.rank() * Long.BYTES;
    return Arena.ofAuto().allocate(layout.byteSize() + numbers, layout.byteAlignment());
  }

  /**
   * Describes a tensor and registers the struct.
   *
   * @param lent offset of the DLTensor in the struct
   * @param end of the struct, followed by room for shape and strides
   */
  private static MemorySegment add(
      MemorySegment struct, long lent, long end, Tensor tensor, Runnable released) {
    describe(tensor, struct.asSlice(lent, Layouts.TENSOR));
    pointTo(struct, lent + Field.SHAPE, end, tensor.shape());
    pointTo(
        struct, lent + Field.STRIDES, end + (long) tensor.rank() * Long.BYTES, tensor.strides());
    OUT.put(struct.address(), new Exported(struct, tensor, released));
    return MemorySegment.ofAddress(struct.address());
  }

  /** Sets the fields that are not 0; the device id and the byte offset stay 0. */
  private static void describe(Tensor tensor, MemorySegment lent) {
    if (tensor.elements() > 0) {
      lent.set(ADDRESS, Field.DATA, tensor.segment());
    }
    lent.set(INT, Field.DEVICE_TYPE, Device.CPU);
    lent.set(INT, Field.NDIM, tensor.rank());
    lent.set(BYTE, Field.CODE, (byte) Types.code(tensor.type()));
    lent.set(BYTE, Field.BITS, (byte) (tensor.type().byteSize() * Byte.SIZE));
    lent.set(SHORT, Field.LANES, (short) 1);
  }

  private static void pointTo(MemorySegment struct, long field, long at, long[] numbers) {
    MemorySegment.copy(numbers, 0, struct, LONG, at, numbers.length);
    struct.set(ADDRESS, field, struct.asSlice(at));
  }

  /**
   * The deleter that consumers call, on any thread. It must not throw, because an exception would
   * end the process. An unregistered address means that the consumer has called the deleter before.
   */
  static void delete(MemorySegment self) {
    try {
      Exported exported = OUT.remove(self.address());
      if (exported == null) {
        log("a deleter was called twice, or for an unknown tensor", null);
      } else {
        exported.released.run();
      }
    } catch (Throwable e) {
      log("the callback of a released tensor failed", e);
    }
  }

  private static void log(String message, @Nullable Throwable cause) {
    try {
      System.getLogger("dev.xent").log(Level.WARNING, "DLPack: " + message, cause);
    } catch (Throwable e) {
      // Logging failed, so the failure cannot be reported.
    }
  }
}
