// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import org.apache.arrow.c.ArrowArray;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.complex.ListVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Views with an arena keep the buffers, and end with the arena. */
class LifetimeTest {
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingLeaks() {
    allocator.close();
  }

  @Test
  void anArenaKeepsTheBufferOfAClosedVector() {
    Tensor tensor;
    try (Arena arena = Arena.ofConfined()) {
      try (Float4Vector vector = Vectors.floats(allocator, 1, 2)) {
        int before = vector.getDataBuffer().refCnt();
        tensor = ArrowTensors.view(vector, arena);
        assertThat(vector.getDataBuffer().refCnt()).isEqualTo(before + 1);
      }
      assertThat(allocator.getAllocatedMemory()).isPositive();
      assertThat(tensor.toFloatArray()).containsExactly(1, 2);
    }
    assertThat(allocator.getAllocatedMemory()).isZero();
    assertThatThrownBy(() -> Softmax.along(-1).forward(tensor, tensor))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("is in a closed arena: keep the arena open");
  }

  @Test
  void anArenaKeepsTheBuffersOfLists() {
    try (Arena arena = Arena.ofConfined()) {
      Ragged ragged;
      try (ListVector vector = Vectors.lists(allocator, 1, 2)) {
        ragged = ArrowTensors.viewRagged(vector, arena);
      }
      assertThat(ragged.rowOffsets().toLongArray()).containsExactly(0, 1, 3);
      assertThat(ragged.values().toFloatArray()).containsExactly(0, 1, 2);
    }
    assertThat(allocator.getAllocatedMemory()).isZero();
  }

  @Test
  void anArrayOfTheCDataInterfaceIsViewedWhereItsProducerHasIt() {
    try (Float4Vector vector = Vectors.floats(allocator, 1, 2, 3);
        ArrowArray array = ArrowArray.allocateNew(allocator);
        ArrowSchema schema = ArrowSchema.allocateNew(allocator)) {
      Data.exportVector(allocator, vector, null, array, schema);
      try (CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
          FieldVector imported = Data.importVector(allocator, array, schema, dictionaries)) {
        Tensor tensor = ArrowTensors.view(imported);
        assertThat(tensor.segment().address()).isEqualTo(vector.getDataBuffer().memoryAddress());
        assertThat(tensor.toFloatArray()).containsExactly(1, 2, 3);
      }
    }
  }

  @Test
  void aClosedArenaRetainsNothing() {
    Arena arena = Arena.ofConfined();
    arena.close();
    try (Float4Vector vector = Vectors.floats(allocator, 1, 2)) {
      int before = vector.getDataBuffer().refCnt();
      assertThatThrownBy(() -> ArrowTensors.view(vector, arena))
          .isInstanceOf(MemoryException.class)
          .hasMessageStartingWith("the arena cannot be used: ");
      assertThat(vector.getDataBuffer().refCnt()).isEqualTo(before);
    }
  }
}
