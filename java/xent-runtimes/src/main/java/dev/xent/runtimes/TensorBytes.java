// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static dev.xent.internal.text.Messages.message;

import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.internal.adapter.Sharing;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/** The memory of a tensor that a runtime uses in place. */
final class TensorBytes {
  private TensorBytes() {}

  /**
   * The bytes of a tensor, as a direct buffer.
   *
   * @param library its name, for messages
   * @throws MemoryException if the library would copy the memory, or cannot use it
   */
  static ByteBuffer of(Tensor tensor, String library, long mostBytes) {
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    MemorySegment memory = tensor.segment();
    String problem =
        !memory.isNative()
            ? message("would be copied by %s: allocate it off the heap", library)
            : !tensor.isContiguous()
                ? message(
                    "is not contiguous, and %s takes no strides: copy it with copyFrom into a tensor that is",
                    library)
                : memory.isReadOnly()
                    ? message("could be written by %s; expected writable memory or a copy", library)
                    : memory.byteSize() > mostBytes
                        ? message(
                            "has %d bytes, %s takes at most %d at once: wrap slices of it",
                            memory.byteSize(), library, mostBytes)
                        : null;
    if (problem != null) {
      throw new MemoryException(tensor.describe() + " " + problem);
    }
    Sharing.requireUsable(tensor.describe(), memory);
    return memory.asByteBuffer().order(ByteOrder.nativeOrder());
  }
}
