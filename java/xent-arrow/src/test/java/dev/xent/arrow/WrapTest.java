// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.util.concurrent.CompletableFuture;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Vectors over the memory of tensors. */
class WrapTest {
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingLeaks() {
    allocator.close();
  }

  @Test
  void aVectorIsTheMemoryOfATensor() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = Tensor.allocate(arena, DType.F32, 3);
      try (Float4Vector vector = (Float4Vector) ArrowTensors.wrap(tensor, "losses", allocator)) {
        assertThat(vector.getName()).isEqualTo("losses");
        assertThat(vector.getNullCount()).isZero();
        assertThat(vector.getDataBuffer().memoryAddress()).isEqualTo(tensor.segment().address());
        tensor.setFloat(2, 1);
        assertThat(vector.get(1)).isEqualTo(2);
        vector.set(0, 7);
        assertThat(tensor.getFloat(0)).isEqualTo(7);
      }
      assertThat(tensor.toFloatArray()).containsExactly(7, 2, 0);
    }
  }

  @Test
  void moreDimensionsAreListsInEachOther() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = Tensor.allocate(arena, DType.F64, 2, 3, 2);
      tensor.setDouble(5, 1, 2, 0);
      try (FieldVector vector = ArrowTensors.wrap(tensor, "x", allocator)) {
        assertThat(vector.getObject(1)).hasToString("[[0.0,0.0],[0.0,0.0],[5.0,0.0]]");
        assertThat(ArrowTensors.view(vector).shape()).containsExactly(2, 3, 2);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "BF16")
  void everyTypeComesBack(DType type) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = Tensor.allocate(arena, type, 4, 2);
      try (FieldVector vector = ArrowTensors.wrap(tensor, "x", allocator)) {
        Tensor again = ArrowTensors.view(vector);
        assertThat(again.type()).isEqualTo(type);
        assertThat(again.segment().address()).isEqualTo(tensor.segment().address());
      }
    }
  }

  @Test
  void noRows() {
    try (Arena arena = Arena.ofConfined();
        FieldVector vector =
            ArrowTensors.wrap(Tensor.allocate(arena, DType.F32, 0, 3), "x", allocator)) {
      assertThat(vector).isInstanceOf(FixedSizeListVector.class);
      assertThat(vector.getValueCount()).isZero();
      assertThat(ArrowTensors.view(vector).shape()).containsExactly(0, 3);
    }
  }

  @Test
  void rowsWithoutNumbers() {
    try (Arena arena = Arena.ofConfined();
        FieldVector vector =
            ArrowTensors.wrap(Tensor.allocate(arena, DType.F32, 3, 0), "x", allocator)) {
      assertThat(vector.getValueCount()).isEqualTo(3);
      assertThat(ArrowTensors.view(vector).shape()).containsExactly(3, 0);
      assertThat(ArrowTensors.copy(vector, 0, arena).shape()).containsExactly(3, 0);
    }
  }

  /** The memory is too much, or the bitmap of the lists, or that of their numbers. */
  @ParameterizedTest
  @ValueSource(ints = {64, 128, 130})
  void whatTheAllocatorDoesNotTakeLeavesNothing(int limit) {
    try (Arena arena = Arena.ofConfined();
        BufferAllocator small = new RootAllocator(limit)) {
      Tensor tensor = Tensor.allocate(arena, DType.F32, 4, 8);
      assertThatThrownBy(() -> ArrowTensors.wrap(tensor, "x", small))
          .isInstanceOf(OutOfMemoryException.class);
      assertThat(small.getAllocatedMemory()).isZero();
    }
  }

  @Test
  void whatArrowCannotHaveIsRefused() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = Tensor.allocate(arena, DType.F32, 2, 2);
      refuses(
          tensor.permute(1, 0),
          "the tensor is F32 [2, 2] strides [1, 2] off the heap, and a vector has no strides: copy it into a contiguous tensor first");
      refuses(
          Tensor.of(new float[2]),
          "the tensor is F32 [2] on the heap, and a vector lies off the heap: copy it into a tensor there first");
      refuses(
          tensor.asReadOnly(),
          "the tensor is F32 [2, 2] off the heap, read-only, and a vector can be written; expected the tensor it was made from, or a copy");
      refuses(
          Tensor.ofAddress(1 << 20, 1L << 31, null, DType.U8, 1L << 31),
          "the tensor is U8 [2147483648] off the heap, and a vector counts with an int: wrap slices of it");
      refuses(
          Tensor.allocate(arena, DType.F32, 0, 1L << 32),
          "the tensor is F32 [0, 4294967296] off the heap, and a vector counts with an int: wrap slices of it");
      refuses(
          Tensor.allocate(arena, DType.F32, 1L << 32, 0),
          "the tensor is F32 [4294967296, 0] off the heap, and a vector counts with an int: wrap slices of it");
      assertThatThrownBy(
              () -> ArrowTensors.wrap(Tensor.allocate(arena, DType.BF16, 2), "x", allocator))
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              "the tensor is BF16, which Arrow does not have: copy it into a tensor of type F32");
    }
  }

  @Test
  void memoryThatCannotBeUsedIsRefused() throws Exception {
    String refusal =
        "F32 [2, 3] off the heap belongs to an arena that is closed or confined to another thread: use an open shared one";
    Tensor tensor;
    try (Arena arena = Arena.ofConfined()) {
      tensor = Tensor.allocate(arena, DType.F32, 2, 3);
      Tensor confined = tensor;
      CompletableFuture.runAsync(() -> refuses(confined, refusal)).get();
    }
    refuses(tensor, refusal);
  }

  private void refuses(Tensor tensor, String message) {
    assertThatThrownBy(() -> ArrowTensors.wrap(tensor, "x", allocator))
        .isInstanceOf(MemoryException.class)
        .hasMessage(message);
  }
}
