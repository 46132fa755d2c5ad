// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.regex.Pattern;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.types.Types.MinorType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;

/**
 * The numbers of a vector, or of nested fixed-size lists: the name for messages, the type, the
 * shape, and the innermost vector, which holds the numbers.
 */
record VectorNumbers(String name, DType type, long[] shape, ValueVector values) {
  /**
   * Characters that move the cursor, colour, reorder or hide text: controls, formats, surrogates,
   * line ends.
   */
  private static final Pattern UNSEEN = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]");

  static VectorNumbers of(ValueVector vector) {
    long[] shape = {vector.getValueCount()};
    ValueVector inner = vector;
    while (inner instanceof FixedSizeListVector list) {
      requireNoDictionary(inner);
      shape = Arrays.copyOf(shape, shape.length + 1);
      shape[shape.length - 1] = list.getListSize();
      inner = list.getDataVector();
    }
    requireNoDictionary(inner);
    return new VectorNumbers(name(vector), type(inner, vector), shape, inner);
  }

  private static void requireNoDictionary(ValueVector vector) {
    DictionaryEncoding dictionary = vector.getField().getDictionary();
    if (dictionary != null) {
      throw new DTypeException(
          message(
              "vector %s holds indices into dictionary %d: decode it first",
              name(vector), dictionary.getId()));
    }
  }

  private static DType type(ValueVector values, ValueVector vector) {
    MinorType type = values.getMinorType();
    return switch (type) {
      case FLOAT2 -> DType.F16;
      case FLOAT4 -> DType.F32;
      case FLOAT8 -> DType.F64;
      case TINYINT -> DType.I8;
      case UINT1 -> DType.U8;
      case SMALLINT -> DType.I16;
      case INT -> DType.I32;
      case BIGINT -> DType.I64;
      case UINT2 -> DType.U16;
      case UINT4 -> DType.U32;
      case UINT8 -> DType.U64;
      case LIST, LARGELIST ->
          throw new DTypeException(
              message(
                  "vector %s has lists of any size: use viewRagged%s",
                  name(vector), values == vector ? "" : ", which takes lists of numbers alone"));
      case BIT ->
          throw new DTypeException(
              message(
                  "vector %s has bits, and a tensor has bytes at least: make it a UInt1Vector",
                  name(vector)));
      default ->
          throw new DTypeException(
              message(
                  "vector %s has values of type %s; expected Float2, Float4, Float8, TinyInt, SmallInt, Int, BigInt or UInt1 to UInt8, or fixed-size lists of them",
                  name(vector), type));
    };
  }

  /** The name of a vector for messages. */
  static String name(ValueVector vector) {
    String name = vector.getName();
    return name == null || name.isEmpty()
        ? "without a name"
        : '"' + UNSEEN.matcher(name).replaceAll("?") + '"';
  }

  long elements() {
    long elements = 1;
    for (long size : shape) {
      elements *= size; // vectors count with an int
    }
    return elements;
  }

  /** Rejects nulls in lists and in their numbers. */
  void requireNoNulls(ValueVector vector) {
    long count = shape[0];
    ValueVector inner = vector;
    for (int d = 1; d <= shape.length; d++) {
      long nullAt = Validity.firstNull(bitmap(name, inner, count), 0, count);
      if (nullAt >= 0) {
        throw new MemoryException(
            message(
                "row %d of vector %s %s null, and a tensor has no nulls: fill it, or use copy with a number for them",
                nullAt / (count / shape[0]), name, d == 1 ? "is" : "has a"));
      }
      if (d < shape.length) {
        count *= shape[d];
        inner = ((FixedSizeListVector) inner).getDataVector();
      }
    }
  }

  /** The bytes of the numbers, aligned or not. */
  MemorySegment bytes() {
    return memory(name, values.getDataBuffer(), elements() * type.byteSize());
  }

  /** The validity bitmap of the first {@code values} values of a vector. */
  static MemorySegment bitmap(String name, ValueVector vector, long values) {
    return memory(name, vector.getValidityBuffer(), Validity.bytes(values));
  }

  /** The first bytes of a buffer. The segment does not keep the vector reachable. */
  static MemorySegment memory(String name, ArrowBuf buffer, long bytes) {
    if (buffer.capacity() < bytes) {
      throw new MemoryException(
          message(
              "vector %s needs %d bytes and has a buffer of %d: write all its values, and set the value counts of its lists",
              name, bytes, buffer.capacity()));
    }
    return Tensor.ofAddress(buffer.memoryAddress(), bytes, null, DType.U8, bytes).segment();
  }

  /** Rejects memory that is not aligned to the type; the message ends with {@code fix}. */
  static void requireAligned(String name, MemorySegment memory, DType type, String fix) {
    if (memory.address() % type.byteSize() != 0) {
      throw new MemoryException(
          message(
              "the values of vector %s begin at address 0x%x, not a multiple of the %d bytes of %s: %s",
              name, memory.address(), type.byteSize(), type, fix));
    }
  }
}
