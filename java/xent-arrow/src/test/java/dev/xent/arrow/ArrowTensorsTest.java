// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.types.Types.MinorType;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.util.TransferPair;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Views share the memory of vectors, both ways. */
class ArrowTensorsTest {
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingLeaks() {
    allocator.close();
  }

  @ParameterizedTest
  @CsvSource({
    "FLOAT2, F16",
    "FLOAT4, F32",
    "FLOAT8, F64",
    "TINYINT, I8",
    "UINT1, U8",
    "UINT2, U16",
    "UINT4, U32",
    "UINT8, U64",
    "SMALLINT, I16",
    "INT, I32",
    "BIGINT, I64"
  })
  void numbers(MinorType type, DType expected) {
    try (FieldVector vector = Vectors.numbers(allocator, type, 100)) {
      Tensor tensor = ArrowTensors.view(vector);
      assertThat(tensor.type()).isEqualTo(expected);
      assertThat(tensor.shape()).containsExactly(100);
      assertThat(tensor.segment().address()).isEqualTo(vector.getDataBuffer().memoryAddress());
      for (int i = 0; i < 100; i++) {
        assertThat(expected.isFloat() ? tensor.getDouble(i) : tensor.getLong(i)).isEqualTo(i);
      }
    }
  }

  @Test
  void writingIsSeenOnBothSides() {
    try (Float4Vector vector = Vectors.floats(allocator, 1, 2, 3)) {
      Tensor tensor = ArrowTensors.view(vector);
      tensor.setFloat(20, 1);
      assertThat(vector.get(1)).isEqualTo(20);
      vector.set(2, 30);
      assertThat(tensor.getFloat(2)).isEqualTo(30);
    }
  }

  @Test
  void fixedSizeListsAreRows() {
    try (FixedSizeListVector vector = Vectors.fixed(allocator, MinorType.FLOAT4, 5, 3)) {
      Tensor tensor = ArrowTensors.view(vector);
      assertThat(tensor.shape()).containsExactly(5, 3);
      assertThat(tensor.getFloat(4, 2)).isEqualTo(14);
      assertThat(tensor.segment().address())
          .isEqualTo(vector.getDataVector().getDataBuffer().memoryAddress());
    }
  }

  @Test
  void fixedSizeListsInEachOtherAreMoreDimensions() {
    try (FixedSizeListVector vector = Vectors.fixed(allocator, MinorType.INT, 2, 3, 4)) {
      Tensor tensor = ArrowTensors.view(vector);
      assertThat(tensor.shape()).containsExactly(2, 3, 4);
      assertThat(tensor.getLong(1, 2, 3)).isEqualTo(23);
    }
  }

  @Test
  void slicesAreViewedWhereTheyLie() {
    try (FixedSizeListVector whole = Vectors.fixed(allocator, MinorType.FLOAT4, 20, 3)) {
      TransferPair pair = whole.getTransferPair(allocator);
      pair.splitAndTransfer(9, 4);
      try (FixedSizeListVector part = (FixedSizeListVector) pair.getTo()) {
        Tensor tensor = ArrowTensors.view(part);
        assertThat(tensor.toFloatArray())
            .containsExactly(27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38);
        assertThat(tensor.segment().address())
            .isEqualTo(whole.getDataVector().getDataBuffer().memoryAddress() + 4 * 27);
      }
    }
  }

  @Test
  void noRows() {
    try (Float4Vector vector = new Float4Vector("x", allocator);
        FixedSizeListVector lists = Vectors.fixed(allocator, MinorType.FLOAT4, 0, 3)) {
      assertThat(ArrowTensors.view(vector).shape()).containsExactly(0);
      assertThat(ArrowTensors.view(lists).shape()).containsExactly(0, 3);
    }
  }

  @Test
  void nullsAreRefused() {
    try (Float4Vector vector = Vectors.floats(allocator, new float[20]);
        FixedSizeListVector lists = Vectors.fixed(allocator, MinorType.FLOAT4, 20, 3)) {
      vector.setNull(17);
      vector.setNull(19);
      refuses(
          vector,
          MemoryException.class,
          "row 17 of vector \"x\" is null, and a tensor has no nulls: fill it, or use copy with a number for them");
      ((Float4Vector) lists.getDataVector()).setNull(3 * 11 + 2);
      refuses(
          lists,
          MemoryException.class,
          "row 11 of vector \"lists\" has a null, and a tensor has no nulls: fill it, or use copy with a number for them");
      lists.setNull(4);
      refuses(
          lists,
          MemoryException.class,
          "row 4 of vector \"lists\" is null, and a tensor has no nulls: fill it, or use copy with a number for them");
    }
  }

  @Test
  void otherTypesAreRefused() {
    try (BitVector bits = new BitVector("flags", allocator);
        FieldVector wide = Vectors.numbers(allocator, MinorType.DATEDAY, 3);
        FieldVector lists = Vectors.lists(allocator, 1, 2)) {
      refuses(
          bits,
          DTypeException.class,
          "vector \"flags\" has bits, and a tensor has bytes at least: make it a UInt1Vector");
      refuses(
          wide,
          DTypeException.class,
          "vector \"x\" has values of type DATEDAY; expected Float2, Float4, Float8, TinyInt, SmallInt, Int, BigInt or UInt1 to UInt8, or fixed-size lists of them");
      refuses(
          lists, DTypeException.class, "vector \"lists\" has lists of any size: use viewRagged");
    }
  }

  @Test
  void dictionariesAreRefused() {
    FieldType type =
        new FieldType(true, new ArrowType.Int(32, true), new DictionaryEncoding(7, false, null));
    try (IntVector indices = new IntVector("words", type, allocator)) {
      refuses(
          indices,
          DTypeException.class,
          "vector \"words\" holds indices into dictionary 7: decode it first");
    }
  }

  @Test
  void namesStayOnTheLineOfTheMessage() {
    try (BitVector bits = new BitVector("Größe\n\u001b[31m\u2028\u202e", allocator)) {
      refuses(
          bits,
          DTypeException.class,
          "vector \"Größe??[31m??\" has bits, and a tensor has bytes at least: make it a UInt1Vector");
    }
  }

  @Test
  void buffersThatAreTooSmallAreRefused() {
    try (FixedSizeListVector vector = Vectors.fixed(allocator, MinorType.FLOAT4, 1, 3)) {
      vector.getDataVector().clear();
      refuses(
          vector,
          MemoryException.class,
          "vector \"lists\" needs 1 bytes and has a buffer of 0: write all its values, and set the value counts of its lists");
    }
  }

  private static void refuses(
      FieldVector vector, Class<? extends RuntimeException> type, String message) {
    assertThatThrownBy(() -> ArrowTensors.view(vector)).isInstanceOf(type).hasMessage(message);
  }

  @Test
  void misalignedValuesAreRefused() {
    try (Float4Vector vector = new Float4Vector("x", allocator);
        ArrowBuf buffer = allocator.buffer(32)) {
      vector.loadFieldBuffers(
          new ArrowFieldNode(2, 0), List.of(allocator.getEmpty(), buffer.slice(1, 8)));
      assertThatThrownBy(() -> ArrowTensors.view(vector))
          .isInstanceOf(MemoryException.class)
          .hasMessageMatching(
              "the values of vector \"x\" begin at address 0x\\p{XDigit}+, not a multiple of the 4 bytes of F32: use copy");
    }
  }
}
