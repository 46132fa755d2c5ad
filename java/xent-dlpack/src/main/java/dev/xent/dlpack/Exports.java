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
 * The tensors that others have and have not given back. Being in the map is what keeps a tensor's
 * memory, and the struct that describes it, reachable.
 */
final class Exports {
  /** What consumers like their tensors aligned to. */
  static final int ALIGNMENT = 256;

  private static final Map<Long, Exported> OUT = new ConcurrentHashMap<>();

  /**
   * One that is out.
   *
   * @param struct the consumer has its address
   * @param tensor whose memory the struct names
   * @param released to be run when it comes back
   */
  private record Exported(MemorySegment struct, Tensor tensor, Runnable released) {}

  private Exports() {}

  /** How many are out. */
  static int count() {
    return OUT.size();
  }

  /** Hands a tensor out: the address of a struct that the consumer owns from now on. */
  static MemorySegment add(Tensor tensor, long flags, Runnable released) {
    MemorySegment struct = allocate(Layouts.VERSIONED, tensor);
    struct.set(INT, Field.MAJOR, Managed.MAJOR);
    struct.set(ADDRESS, Field.DELETER, Natives.deleter());
    struct.set(LONG, Field.FLAGS, flags | (tensor.isReadOnly() ? Flags.READ_ONLY : 0));
    return add(struct, Field.TENSOR, Layouts.VERSIONED.byteSize(), tensor, released);
  }

  /** The same with a struct from before versions were told. */
  static MemorySegment addUnversioned(Tensor tensor, Runnable released) {
    MemorySegment struct = allocate(Layouts.UNVERSIONED, tensor);
    struct.set(ADDRESS, Field.UNVERSIONED_DELETER, Natives.deleter());
    return add(struct, Field.UNVERSIONED_TENSOR, Layouts.UNVERSIONED.byteSize(), tensor, released);
  }

  /**
   * A struct of zeros with room for shape and strides behind it. It is left to the collector:
   * whoever reads it a little too late still finds it.
   */
  private static MemorySegment allocate(StructLayout layout, Tensor tensor) {
    long numbers = 2L * tensor.rank() * Long.BYTES;
    return Arena.ofAuto().allocate(layout.byteSize() + numbers, layout.byteAlignment());
  }

  /**
   * Describes a tensor and hands the struct out.
   *
   * @param lent where the DLTensor begins in the struct
   * @param end of the struct, where there is room for shape and strides
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

  /** Fields that are 0 stay as they are: the device's number, the offset. */
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
   * What consumers call, on any thread. Nothing may be thrown from here, that would end the
   * process. An address that is not out is one that came back before.
   */
  static void delete(MemorySegment self) {
    try {
      Exported exported = OUT.remove(self.address());
      if (exported == null) {
        log("a consumer gave back a tensor that it does not have", null);
      } else {
        exported.released.run();
      }
    } catch (Throwable e) {
      log("what was to be run when a tensor came back has failed", e);
    }
  }

  private static void log(String message, @Nullable Throwable cause) {
    try {
      System.getLogger("dev.xent").log(Level.WARNING, "DLPack: " + message, cause);
    } catch (Throwable e) {
      // There is nobody left to tell.
    }
  }
}
