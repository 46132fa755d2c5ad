// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.types.Types.MinorType;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.util.TransferPair;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Lists are ragged rows. */
class RaggedTest {
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingLeaks() {
    allocator.close();
  }

  @Test
  void listsAreRaggedRows() {
    try (ListVector vector = Vectors.lists(allocator, 2, 0, 3)) {
      Ragged ragged = ArrowTensors.viewRagged(vector);
      assertThat(ragged.rows()).isEqualTo(3);
      assertThat(ragged.values().toFloatArray()).containsExactly(0, 1, 2, 3, 4);
      assertThat(ragged.rowOffsets().type()).isEqualTo(DType.I32);
      assertThat(ragged.rowOffsets().toLongArray()).containsExactly(0, 2, 2, 5);
      assertThat(ragged.values().segment().address())
          .isEqualTo(vector.getDataVector().getDataBuffer().memoryAddress());
      assertThat(ragged.rowOffsets().segment().address())
          .isEqualTo(vector.getOffsetBuffer().memoryAddress());
    }
  }

  @Test
  void largeListsAreRaggedRows() {
    try (LargeListVector vector = Vectors.largeLists(allocator, 1, 2)) {
      Ragged ragged = ArrowTensors.viewRagged(vector);
      assertThat(ragged.rowOffsets().type()).isEqualTo(DType.I64);
      assertThat(ragged.rowOffsets().toLongArray()).containsExactly(0, 1, 3);
      assertThat(ragged.rowOffsets().segment().address())
          .isEqualTo(vector.getOffsetBuffer().memoryAddress());
    }
  }

  @Test
  void softmaxOfEveryListInPlace() {
    try (ListVector vector = Vectors.lists(allocator, 2, 1, 3)) {
      Ragged ragged = ArrowTensors.viewRagged(vector);
      Softmax.along(-1).on(ragged.values(), ragged.values()).inputs(ragged.inputs()).run();

      float[] expected = {0, 1, 2, 3, 4, 5};
      for (int[] row : new int[][] {{0, 2}, {2, 3}, {3, 6}}) {
        Tensor plain = Tensor.of(expected).slice(0, row[0], row[1]);
        Softmax.along(-1).forward(plain, plain);
      }
      Float4Vector values = (Float4Vector) vector.getDataVector();
      for (int i = 0; i < 6; i++) {
        assertThat(values.get(i)).isEqualTo(expected[i]);
      }
    }
  }

  @Test
  void slicesOfLists() {
    try (ListVector whole = Vectors.lists(allocator, 2, 1, 3, 4)) {
      TransferPair pair = whole.getTransferPair(allocator);
      pair.splitAndTransfer(1, 2);
      try (ListVector part = (ListVector) pair.getTo()) {
        Ragged ragged = ArrowTensors.viewRagged(part);
        assertThat(ragged.rowOffsets().toLongArray()).containsExactly(0, 1, 4);
        assertThat(ragged.values().toFloatArray()).containsExactly(2, 3, 4, 5);
        assertThat(ragged.values().segment().address())
            .isEqualTo(whole.getDataVector().getDataBuffer().memoryAddress() + 8);
      }
    }
  }

  /** As lists of a record batch may be that is part of a larger one. */
  @Test
  void offsetsNeedNotBeginWithZero() {
    try (ListVector vector = ListVector.empty("lists", allocator);
        ArrowBuf offsets = allocator.buffer(12);
        Float4Vector values = Vectors.floats(allocator, 7, 8, 1, 2, 3)) {
      values.setNull(0);
      offsets.setInt(0, 2);
      offsets.setInt(4, 3);
      offsets.setInt(8, 5);
      vector.addOrGetVector(FieldType.nullable(MinorType.FLOAT4.getType()));
      vector.loadFieldBuffers(new ArrowFieldNode(2, 0), List.of(allocator.getEmpty(), offsets));
      ((Float4Vector) vector.getDataVector())
          .loadFieldBuffers(new ArrowFieldNode(5, 1), values.getFieldBuffers());

      Ragged ragged = ArrowTensors.viewRagged(vector);
      assertThat(ragged.rowOffsets().toLongArray()).containsExactly(2, 3, 5);
      Softmax.along(-1).on(ragged.values(), ragged.values()).inputs(ragged.inputs()).run();
      assertThat(ragged.values().toFloatArray()).containsExactly(7, 8, 1, 0.2689414f, 0.7310586f);
    }
  }

  @Test
  void noRows() {
    try (ListVector lists = Vectors.lists(allocator);
        LargeListVector large = Vectors.largeLists(allocator)) {
      assertThat(ArrowTensors.viewRagged(lists).rows()).isZero();
      assertThat(ArrowTensors.viewRagged(lists).values().elements()).isZero();
      assertThat(ArrowTensors.viewRagged(large).rowOffsets().type()).isEqualTo(DType.I64);
    }
  }

  @Test
  void nullsAreRefused() {
    try (ListVector vector = Vectors.lists(allocator, 2, 1, 3)) {
      ((Float4Vector) vector.getDataVector()).setNull(2);
      assertThatThrownBy(() -> ArrowTensors.viewRagged(vector))
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "value 2 of the lists of vector \"lists\" is null, and a tensor has no nulls: fill it");
      vector.setNull(1);
      assertThatThrownBy(() -> ArrowTensors.viewRagged(vector))
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "row 1 of vector \"lists\" is null, and a tensor has no nulls: make it an empty list");
    }
  }

  @Test
  void otherVectorsAreRefused() {
    try (Float4Vector vector = Vectors.floats(allocator, 1);
        ListVector nested = ListVector.empty("nested", allocator)) {
      assertThatThrownBy(() -> ArrowTensors.viewRagged(vector))
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              "vector \"x\" has values of type FLOAT4; expected a ListVector or LargeListVector, or use view");
      nested.addOrGetVector(FieldType.nullable(new ArrowType.FixedSizeList(2)));
      ((FixedSizeListVector) nested.getDataVector())
          .addOrGetVector(FieldType.nullable(MinorType.FLOAT4.getType()));
      assertThatThrownBy(() -> ArrowTensors.viewRagged(nested))
          .isInstanceOf(DTypeException.class)
          .hasMessage("vector \"nested\" has lists of lists; expected lists of numbers");
    }
  }

  @Test
  void misalignedValuesAreRefused() {
    try (ListVector vector = ListVector.empty("lists", allocator);
        ArrowBuf buffers = allocator.buffer(64)) {
      buffers.setInt(0, 0);
      buffers.setInt(4, 2);
      load(vector, buffers.slice(0, 8), buffers.slice(9, 8));
      assertThatThrownBy(() -> ArrowTensors.viewRagged(vector))
          .isInstanceOf(MemoryException.class)
          .hasMessageMatching(
              "the values of vector \"lists\" begin at address 0x\\p{XDigit}+, not a multiple of the 4 bytes of F32: let their producer align them");
    }
  }

  @Test
  void offsetsThatCannotBeAreRefused() {
    try (ListVector vector = ListVector.empty("lists", allocator);
        ArrowBuf buffers = allocator.buffer(64)) {
      for (int[] offsets : new int[][] {{-1, 2}, {2, 1}, {-2, -1}}) {
        buffers.setInt(0, offsets[0]);
        buffers.setInt(4, offsets[1]);
        load(vector, buffers.slice(0, 8), buffers.slice(8, 8));
        assertThatThrownBy(() -> ArrowTensors.viewRagged(vector))
            .isInstanceOf(MemoryException.class)
            .hasMessage(
                "list 0 goes from value %d to value %d: offsets must be 0 or more, and none less than the one before",
                offsets[0], offsets[1]);
      }
    }
  }

  private void load(ListVector vector, ArrowBuf offsets, ArrowBuf values) {
    vector.addOrGetVector(FieldType.nullable(MinorType.FLOAT4.getType()));
    vector.loadFieldBuffers(new ArrowFieldNode(1, 0), List.of(allocator.getEmpty(), offsets));
    ((Float4Vector) vector.getDataVector())
        .loadFieldBuffers(new ArrowFieldNode(2, 0), List.of(allocator.getEmpty(), values));
  }
}
