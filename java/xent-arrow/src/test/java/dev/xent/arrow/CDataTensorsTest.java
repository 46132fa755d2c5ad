// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.apache.arrow.c.ArrowArray;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryEncoder;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.Types.MinorType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Arrays of the C Data Interface, made by Arrow's own library. */
class CDataTensorsTest {
  private final BufferAllocator allocator = new RootAllocator();
  private final ArrowArray array = ArrowArray.allocateNew(allocator);
  private final ArrowSchema schema = ArrowSchema.allocateNew(allocator);

  @AfterEach
  void nothingLeaks() {
    array.release();
    array.close();
    schema.release();
    schema.close();
    allocator.close();
  }

  private void export(FieldVector vector) {
    Data.exportVector(allocator, vector, null, array, schema);
  }

  private Tensor view() {
    return CDataTensors.view(array.memoryAddress(), schema.memoryAddress());
  }

  @Test
  void whatArrowImportsIsViewedWhereItsProducerHasIt() {
    try (Float4Vector vector = Vectors.floats(allocator, 1, 2, 3)) {
      ArrowArray exported = ArrowArray.allocateNew(allocator); // closed by the import
      ArrowSchema itsSchema = ArrowSchema.allocateNew(allocator);
      Data.exportVector(allocator, vector, null, exported, itsSchema);
      try (CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
          FieldVector imported = Data.importVector(allocator, exported, itsSchema, dictionaries)) {
        Tensor tensor = ArrowTensors.view(imported);
        assertThat(tensor.segment().address()).isEqualTo(vector.getDataBuffer().memoryAddress());
        vector.set(1, 20);
        assertThat(tensor.getFloat(1)).isEqualTo(20);
        tensor.setFloat(30, 2);
        assertThat(vector.get(2)).isEqualTo(30);
      }
    }
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
    try (FieldVector vector = Vectors.numbers(allocator, type, 50)) {
      export(vector);
      Tensor tensor = view();
      assertThat(tensor.type()).isEqualTo(expected);
      assertThat(tensor.shape()).containsExactly(50);
      assertThat(tensor.isReadOnly()).isTrue();
      assertThat(tensor.segment().address()).isEqualTo(vector.getDataBuffer().memoryAddress());
      assertThat(expected.isFloat() ? tensor.getDouble(49) : tensor.getLong(49)).isEqualTo(49);
    }
  }

  @Test
  void dictionaryEncodedVectorsAreRefused() {
    try (FieldVector words = Vectors.floats(allocator, 10, 20);
        FieldVector vector = Vectors.floats(allocator, 20, 10)) {
      Dictionary dictionary = new Dictionary(words, new DictionaryEncoding(1, false, null));
      try (FieldVector encoded = (FieldVector) DictionaryEncoder.encode(vector, dictionary)) {
        Data.exportVector(
            allocator,
            encoded,
            new DictionaryProvider.MapDictionaryProvider(dictionary),
            array,
            schema);
      }
      assertThatThrownBy(this::view)
          .isInstanceOf(DTypeException.class)
          .hasMessage("the array holds indices into a dictionary: decode it first");
    }
  }

  @Test
  void writingByTheProducerIsSeen() {
    try (Float4Vector vector = Vectors.floats(allocator, 1, 2)) {
      export(vector);
      Tensor tensor = view();
      vector.set(0, 5);
      assertThat(tensor.getFloat(0)).isEqualTo(5);
      assertThatThrownBy(() -> tensor.setFloat(1, 0)).isInstanceOf(MemoryException.class);
    }
  }

  @Test
  void fixedSizeLists() {
    try (FixedSizeListVector vector = Vectors.fixed(allocator, MinorType.FLOAT4, 2, 3, 4)) {
      export(vector);
      Tensor tensor = view();
      assertThat(tensor.shape()).containsExactly(2, 3, 4);
      assertThat(tensor.getFloat(1, 2, 3)).isEqualTo(23);
    }
  }

  @Test
  void lists() {
    try (ListVector vector = Vectors.lists(allocator, 2, 0, 3)) {
      export(vector);
      Ragged ragged = CDataTensors.viewRagged(array.memoryAddress(), schema.memoryAddress());
      assertThat(ragged.rowOffsets().type()).isEqualTo(DType.I32);
      assertThat(ragged.rowOffsets().toLongArray()).containsExactly(0, 2, 2, 5);
      assertThat(ragged.values().toFloatArray()).containsExactly(0, 1, 2, 3, 4);
      assertThat(ragged.values().segment().address())
          .isEqualTo(vector.getDataVector().getDataBuffer().memoryAddress());
    }
  }

  @Test
  void noRows() {
    try (LargeListVector vector = Vectors.largeLists(allocator)) {
      export(vector);
      Ragged ragged = CDataTensors.viewRagged(array.memoryAddress(), schema.memoryAddress());
      assertThat(ragged.rows()).isZero();
      assertThat(ragged.rowOffsets().type()).isEqualTo(DType.I64);
      assertThat(ragged.values().shape()).containsExactly(0);
    }
  }

  /** Producers of other languages hand on slices with an offset; Arrow in Java does not. */
  @Test
  void slices() {
    try (ListVector vector = Vectors.lists(allocator, 2, 1, 3, 1)) {
      ((Float4Vector) vector.getDataVector()).setNull(0);
      export(vector);
      slice(array.memoryAddress(), 1, 2);
      Ragged ragged = CDataTensors.viewRagged(array.memoryAddress(), schema.memoryAddress());
      assertThat(ragged.rowOffsets().toLongArray()).containsExactly(2, 3, 6);
      assertThat(ragged.values().slice(0, 2, 6).toFloatArray()).containsExactly(2, 3, 4, 5);
    }
  }

  @Test
  void slicesOfFixedSizeLists() {
    try (FixedSizeListVector vector = Vectors.fixed(allocator, MinorType.INT, 12, 3)) {
      vector.setNull(1);
      export(vector);
      slice(array.memoryAddress(), 2, 9);
      assertThat(view().shape()).containsExactly(9, 3);
      assertThat(view().getLong(0, 0)).isEqualTo(6);
      assertThat(view().getLong(8, 2)).isEqualTo(32);
      slice(array.memoryAddress(), 1, 9);
      assertThatThrownBy(this::view)
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "row 0 of the array is null, and a tensor has no nulls: let their producer fill them");
    }
  }

  private static void slice(long array, long offset, long length) {
    Tensor struct = Tensor.ofAddress(array, 80, null, DType.I64, 10);
    struct.segment().setAtIndex(ValueLayout.JAVA_LONG, 0, length);
    struct.segment().setAtIndex(ValueLayout.JAVA_LONG, 1, -1); // not counted
    struct.segment().setAtIndex(ValueLayout.JAVA_LONG, 2, offset);
  }

  @Test
  void nullsAreRefused() {
    try (FixedSizeListVector vector = Vectors.fixed(allocator, MinorType.INT, 4, 3);
        ListVector lists = Vectors.lists(allocator, 2, 2)) {
      vector.getDataVector().setNull(7);
      export(vector);
      assertThatThrownBy(this::view)
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "row 2 of the array has a null, and a tensor has no nulls: let their producer fill them");
      array.release();
      schema.release();

      lists.getDataVector().setNull(3);
      export(lists);
      assertThatThrownBy(
              () -> CDataTensors.viewRagged(array.memoryAddress(), schema.memoryAddress()))
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "value 3 of the array is null, and a tensor has no nulls: let their producer fill them");
    }
  }

  @Test
  void otherFormatsAreRefused() {
    try (BitVector bits = new BitVector("x", allocator);
        ListVector lists = Vectors.lists(allocator, 1)) {
      export(bits);
      assertThatThrownBy(this::view)
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              "the array has format b; expected e, f, g, c, C, s, S, i, I, l or L (numbers), or +w (fixed-size lists) of them");
      assertThatThrownBy(
              () -> CDataTensors.viewRagged(array.memoryAddress(), schema.memoryAddress()))
          .isInstanceOf(DTypeException.class)
          .hasMessage("the array has format b; expected +l or +L (lists), or use view");
      array.release();
      schema.release();
      export(lists);
      assertThatThrownBy(this::view)
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              "the array has format +l (lists of any size): use viewRagged, which takes lists of numbers alone");
    }
  }

  @Test
  void takenArraysAreReleasedWithTheArena() {
    Tensor tensor;
    try (Arena arena = Arena.ofConfined()) {
      try (Float4Vector vector = Vectors.floats(allocator, 1, 2)) {
        export(vector);
        tensor = CDataTensors.take(array.memoryAddress(), schema.memoryAddress(), arena);
      }
      assertThat(array.snapshot().release).isZero();
      assertThat(schema.snapshot().release).isZero();
      assertThat(tensor.toFloatArray()).containsExactly(1, 2);
      assertThatThrownBy(this::view)
          .isInstanceOf(MemoryException.class)
          .hasMessage("the array is released or was moved; expected one that is not");
    }
    assertThatThrownBy(() -> tensor.getFloat(0))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("is in a closed arena");
  }

  @Test
  void takenListsAreReleasedWithTheArena() {
    try (Arena arena = Arena.ofShared()) {
      Ragged ragged;
      try (ListVector vector = Vectors.lists(allocator, 1, 2)) {
        export(vector);
        ragged = CDataTensors.takeRagged(array.memoryAddress(), schema.memoryAddress(), arena);
      }
      assertThat(ragged.rowOffsets().toLongArray()).containsExactly(0, 1, 3);
      assertThat(ragged.values().toFloatArray()).containsExactly(0, 1, 2);
    }
  }

  @Test
  void whatCannotBeTakenStaysTheCallers() {
    try (BitVector bits = new BitVector("x", allocator);
        Float4Vector vector = Vectors.floats(allocator, 1, 2)) {
      Arena closed = Arena.ofConfined();
      closed.close();
      export(bits);
      assertThatThrownBy(
              () -> CDataTensors.take(array.memoryAddress(), schema.memoryAddress(), closed))
          .isInstanceOf(DTypeException.class);
      assertThat(array.snapshot().release).isNotZero();
      array.release();
      schema.release();
      export(vector);
      assertThatThrownBy(
              () -> CDataTensors.take(array.memoryAddress(), schema.memoryAddress(), closed))
          .isInstanceOf(MemoryException.class)
          .hasMessageStartingWith("the arena cannot be used: ");
      assertThat(array.snapshot().release).isNotZero();
      assertThat(schema.snapshot().release).isNotZero();
    }
  }

  @Test
  void addressesOfNothingAreRefused() {
    assertThatThrownBy(() -> CDataTensors.view(0, schema.memoryAddress()))
        .isInstanceOf(MemoryException.class)
        .hasMessage("the array has address 0; expected the address of a struct ArrowArray");
    try (Float4Vector vector = Vectors.floats(allocator, 1)) {
      export(vector);
      assertThatThrownBy(() -> CDataTensors.view(array.memoryAddress(), 0))
          .isInstanceOf(MemoryException.class)
          .hasMessage("the schema has address 0; expected the address of a struct ArrowSchema");
      schema.release();
      assertThatThrownBy(this::view)
          .isInstanceOf(MemoryException.class)
          .hasMessage("the schema is released; expected one that is not");
    }
  }

  @Test
  void structsThatCannotBeAreRefused() {
    try (Float4Vector vector = Vectors.floats(allocator, 1, 2)) {
      export(vector);
      slice(array.memoryAddress(), 0, -1);
      assertThatThrownBy(this::view)
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "the array has length -1 and offset 0: both are 0 or more and together at most 2^62, let its producer set them");
      slice(array.memoryAddress(), -3, 1);
      assertThatThrownBy(this::view)
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "the array has length 1 and offset -3: both are 0 or more and together at most 2^62, let its producer set them");
      slice(array.memoryAddress(), 0, 2);
      MemorySegment buffers =
          Tensor.ofAddress(array.snapshot().buffers, 16, null, DType.I64, 2).segment();
      long values = buffers.getAtIndex(ValueLayout.JAVA_LONG, 1);
      buffers.setAtIndex(ValueLayout.JAVA_LONG, 1, 0);
      assertThatThrownBy(this::view)
          .isInstanceOf(MemoryException.class)
          .hasMessage("the array has 2 values and no address of them: let its producer set it");
      buffers.setAtIndex(ValueLayout.JAVA_LONG, 1, values);
    }
  }

  @Test
  void offsetsThatCannotBeAreRefused() {
    try (ListVector vector = Vectors.lists(allocator, 2)) {
      vector.getOffsetBuffer().setInt(4, -2);
      export(vector);
      assertThatThrownBy(
              () -> CDataTensors.viewRagged(array.memoryAddress(), schema.memoryAddress()))
          .isInstanceOf(MemoryException.class)
          .hasMessage(
              "list 0 goes from value 0 to value -2: offsets must be 0 or more, and none less than the one before");
    }
  }

  @Test
  void listSizesThatAreNoNumbersAreRefused() {
    try (FixedSizeListVector vector = Vectors.fixed(allocator, MinorType.INT, 4, 3)) {
      export(vector);
      long format = schema.snapshot().format;
      Tensor.ofAddress(format, 4, null, DType.I8, 4)
          .segment()
          .set(ValueLayout.JAVA_BYTE, 3, (byte) 'x');
      assertThatThrownBy(this::view)
          .isInstanceOf(DTypeException.class)
          .hasMessage(
              "the array has format +w:x; expected e, f, g, c, C, s, S, i, I, l or L (numbers), or +w (fixed-size lists) of them");
    }
  }
}
