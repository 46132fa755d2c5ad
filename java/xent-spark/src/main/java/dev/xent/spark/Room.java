// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.apache.spark.sql.catalyst.expressions.UnsafeArrayData;
import org.apache.spark.unsafe.Platform;
import org.jspecify.annotations.Nullable;

/**
 * Memory for a row of numbers, reused for the next one. Rows of equal length have the same tensor,
 * so the call allocates nothing and Xent need not check the tensor again. One thread.
 */
final class Room {
  private static final int ALIGNMENT = 64;

  private final DType type;
  private MemorySegment memory = MemorySegment.NULL;
  private @Nullable Tensor tensor;
  private int n = -1;

  Room(DType type) {
    this.type = type;
  }

  /** Memory for {@code n} numbers, as a row: {@code [1, n]}. */
  Tensor of(int newN) {
    if (newN != n) {
      long bytes = Math.max((long) newN * type.byteSize(), 1);
      if (bytes > memory.byteSize()) {
        memory = Arena.ofAuto().allocate(bytes, ALIGNMENT);
      }
      tensor = Tensor.of(memory, type, 1, newN);
      n = newN;
    }
    return Objects.requireNonNull(tensor);
  }

  /** The memory of the row. */
  MemorySegment memory() {
    return memory;
  }

  /** A copy of the row in Spark's array format. */
  UnsafeArrayData toArray() {
    UnsafeArrayData array = UnsafeArrayData.createFreshArray(n, type.byteSize());
    Platform.copyMemory(
        null,
        memory.address(),
        array.getBaseObject(),
        array.getBaseOffset() + UnsafeArrayData.calculateHeaderPortionInBytes(n),
        (long) n * type.byteSize());
    return array;
  }
}
