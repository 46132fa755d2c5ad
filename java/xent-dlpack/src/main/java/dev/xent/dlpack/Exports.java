// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static dev.xent.dlpack.Layouts.ADDRESS;
import static dev.xent.dlpack.Layouts.BYTE;
import static dev.xent.dlpack.Layouts.INT;
import static dev.xent.dlpack.Layouts.LONG;
import static dev.xent.dlpack.Layouts.SHORT;

import dev.xent.Tensor;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

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
    MemorySegment deleter = Natives.deleter();
    int rank = tensor.rank();
    long shape = Layouts.VERSIONED.byteSize();
    long strides = shape + (long) rank * Long.BYTES;
    // Left to the collector: whoever reads the struct a little too late still finds it.
    MemorySegment struct =
        Arena.ofAuto()
            .allocate(strides + (long) rank * Long.BYTES, Layouts.VERSIONED.byteAlignment());
    struct.set(INT, Field.MAJOR, Managed.MAJOR);
    struct.set(ADDRESS, Field.DELETER, deleter);
    struct.set(LONG, Field.FLAGS, flags | (tensor.isReadOnly() ? Flags.READ_ONLY : 0));
    describe(tensor, struct.asSlice(Field.TENSOR, Layouts.TENSOR));
    pointTo(struct, Field.SHAPE, shape, tensor.shape());
    pointTo(struct, Field.STRIDES, strides, tensor.strides());
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
    struct.set(ADDRESS, Field.TENSOR + field, struct.asSlice(at));
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

  private static void log(String message, Throwable cause) {
    Logger logger = System.getLogger("dev.xent");
    logger.log(Level.WARNING, "DLPack: " + message, cause);
  }
}
