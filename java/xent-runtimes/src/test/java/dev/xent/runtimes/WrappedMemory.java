// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What is true of runtimes that can use the memory of tensors. */
abstract class WrappedMemory<T> extends SharedMemory<T> {
  private final String library;
  private final long mostBytes;

  WrappedMemory(String library, long mostBytes) {
    this.library = library;
    this.mostBytes = mostBytes;
  }

  abstract T wrap(Tensor tensor) throws Exception;

  final void refused(Tensor tensor, String message) {
    assertThatThrownBy(() -> wrap(tensor))
        .isInstanceOf(MemoryException.class)
        .hasMessage(message, library);
  }

  @Test
  void whatTheRuntimeCannotTakeIsRefused() {
    refused(
        Tensor.of(new float[6], 2, 3),
        "F32 [2, 3] on the heap would be copied by %s: allocate it off the heap");
    Tensor tensor = Tensor.allocate(Arena.ofAuto(), DType.F32, 2, 3);
    refused(
        tensor.permute(1, 0),
        "F32 [3, 2] strides [1, 3] off the heap is not contiguous, and %s takes no strides:"
            + " copy it with copyFrom into a tensor that is");
    refused(
        tensor.asReadOnly(),
        "F32 [2, 3] off the heap, read-only could be written by %s; expected writable memory or a"
            + " copy");
    // This memory is not read.
    refused(
        Tensor.ofAddress(64, 1L << 31, null, DType.F32, 1L << 29),
        "F32 [536870912] off the heap has 2147483648 bytes, %s takes at most "
            + mostBytes
            + " at once: wrap slices of it");
  }

  @Test
  void memoryThatCannotBeUsedIsRefused() throws Exception {
    String refusal =
        "F32 [2, 3] off the heap belongs to an arena that is closed or confined to another thread:"
            + " use an open shared one";
    Tensor tensor;
    try (Arena own = Arena.ofConfined()) {
      tensor = Tensor.allocate(own, DType.F32, 2, 3);
      Tensor confined = tensor;
      CompletableFuture.runAsync(() -> refused(confined, refusal)).get();
    }
    refused(tensor, refusal);
  }
}
