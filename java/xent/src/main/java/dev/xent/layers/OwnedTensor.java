// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The memory of one output of a layer. It is kept from call to call and replaced only to grow; the
 * tensors over it are kept as long as the shape stays the same.
 */
final class OwnedTensor implements AutoCloseable {

  /** A cache line and a vector of any instruction set. */
  private static final long ALIGNMENT = 64;

  private final DType type;
  private @Nullable Arena arena;
  private MemorySegment memory = MemorySegment.NULL;
  private @Nullable Tensor writable;
  private @Nullable Tensor readOnly;

  /** Memory of type F32, as that of all outputs. */
  OwnedTensor() {
    this(DType.F32);
  }

  /** Memory of a type. */
  OwnedTensor(DType type) {
    this.type = type;
  }

  /** A contiguous tensor of the shape; the one of the last call when the shape is the same. */
  Tensor shaped(long... shape) {
    Tensor current = writable;
    if (current != null && Arrays.equals(current.shape(), shape)) {
      return current;
    }
    long bytes = type.byteSize();
    for (long size : shape) {
      bytes = Math.multiplyExact(bytes, size);
    }
    if (arena == null || bytes > memory.byteSize()) {
      replace(Math.max(bytes, ALIGNMENT));
    }
    Tensor tensor = Tensor.of(memory, type, shape);
    readOnly = tensor.asReadOnly();
    writable = tensor; // only now, as a shape that is known is not made again
    return tensor;
  }

  /** The last result of {@link #shaped}. */
  Tensor writable() {
    return present(writable);
  }

  /** The same tensor, read-only. */
  Tensor readOnly() {
    return present(readOnly);
  }

  @Override
  public void close() {
    writable = null;
    readOnly = null;
    memory = MemorySegment.NULL;
    if (arena != null) {
      arena.close();
      arena = null;
    }
  }

  private static Tensor present(@Nullable Tensor tensor) {
    if (tensor == null) {
      throw new IllegalStateException("shaped(...) has not been called");
    }
    return tensor;
  }

  /**
   * The arena is shared so that a layer may be made by one thread and used by another. The old one
   * is closed: an output that outlived its forward is then an error instead of a wrong number.
   */
  private void replace(long bytes) {
    close();
    arena = Arena.ofShared();
    memory = arena.allocate(bytes, ALIGNMENT);
  }
}
