// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.ShapeException;
import java.io.Serializable;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeArrayData;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.bitset.BitSetMethods;

/**
 * A column of logits or of their targets: the type of its numbers, the number of classes of each
 * row, and the conversion of a row in Spark's memory to a tensor.
 *
 * @param type of the numbers
 * @param classes the required number of classes, or -1
 * @param option the option that requires it
 * @param what what this option is, for messages
 */
record Logits(DType type, long classes, String option, String what) implements Serializable {
  private static final int WORD_BITS = 64;
  private static final int SPARSE_SIZE = 1;
  private static final int SPARSE_INDICES = 2;
  private static final int VECTOR_VALUES = 3;

  /** The type of numeric results. */
  DType resultType() {
    return type == DType.F64 ? DType.F64 : DType.F32;
  }

  /** Spark's type for {@link #resultType}, or for targets that are labels. */
  DataType sparkType() {
    return switch (type) {
      case I64 -> DataTypes.LongType;
      case F64 -> DataTypes.DoubleType;
      default -> DataTypes.FloatType;
    };
  }

  /**
   * The numbers of a row, in one copy into a room, without an object per number.
   *
   * @param value Spark's value: an array in any of its forms, bytes, a vector, or a number
   */
  Tensor read(Object value, Room room) {
    return switch (value) {
      case byte[] bytes -> readBytes(bytes, room);
      case InternalRow vector -> readVector(vector, room);
      case Number number -> readNumber(number, room);
      default -> readArray((ArrayData) value, room);
    };
  }

  /** The number of numbers in a row. */
  int length(Object value) {
    return switch (value) {
      case byte[] bytes -> bytes.length / type.byteSize();
      case InternalRow vector ->
          isSparse(vector)
              ? vector.getInt(SPARSE_SIZE)
              : vector.getArray(VECTOR_VALUES).numElements();
      default -> ((ArrayData) value).numElements();
    };
  }

  private static boolean isSparse(InternalRow vector) {
    return vector.getByte(0) == 0;
  }

  /** A vector of spark.ml in its storage format; absent entries of a sparse vector are 0. */
  private Tensor readVector(InternalRow vector, Room room) {
    ArrayData numbers = vector.getArray(VECTOR_VALUES);
    boolean sparse = isSparse(vector);
    if (!sparse && type == DType.F64) {
      return readArray(numbers, room);
    }
    Tensor tensor = room.of(requireClasses(length(vector)));
    double[] values = numbers.toDoubleArray();
    int[] indices = sparse ? vector.getArray(SPARSE_INDICES).toIntArray() : null;
    if (sparse) {
      room.memory().fill((byte) 0);
    }
    for (int i = 0; i < values.length; i++) {
      int k = indices == null ? i : indices[i];
      if (type == DType.F64) {
        room.memory().setAtIndex(ValueLayout.JAVA_DOUBLE, k, values[i]);
      } else {
        room.memory().setAtIndex(ValueLayout.JAVA_FLOAT, k, (float) values[i]);
      }
    }
    return tensor;
  }

  /** A row of one number. */
  private Tensor readNumber(Number number, Room room) {
    Tensor tensor = room.of(requireClasses(1));
    if (type == DType.I64) {
      tensor.setLong(number.longValue(), 0, 0);
    } else {
      tensor.setDouble(number.doubleValue(), 0, 0);
    }
    return tensor;
  }

  private Tensor readBytes(byte[] bytes, Room room) {
    int size = type.byteSize();
    if (bytes.length % size != 0) {
      throw new ShapeException(
          message(
              "%d bytes are not a multiple of the %d bytes of %s; correct the column or option type",
              bytes.length,
              size,
              type.toString().replaceFirst("^(B?)F", "$1float").toLowerCase(Locale.ROOT)));
    }
    Tensor tensor = room.of(requireClasses(bytes.length / size));
    MemorySegment.copy(bytes, 0, room.memory(), ValueLayout.JAVA_BYTE, 0, bytes.length);
    return tensor;
  }

  private Tensor readArray(ArrayData array, Room room) {
    int n = requireClasses(array.numElements());
    Tensor tensor = room.of(n);
    if (array instanceof UnsafeArrayData unsafe) {
      Object base = unsafe.getBaseObject();
      long at = unsafe.getBaseOffset();
      if (BitSetMethods.anySet(base, at + Long.BYTES, (n + WORD_BITS - 1) / WORD_BITS)) {
        throw nullElement(array);
      }
      Platform.copyMemory(
          base,
          at + UnsafeArrayData.calculateHeaderPortionInBytes(n),
          null,
          room.memory().address(),
          (long) n * type.byteSize());
      return tensor;
    }
    for (int i = 0; i < n; i++) {
      if (array.isNullAt(i)) {
        throw nullElement(array);
      }
    }
    MemorySegment memory = room.memory();
    switch (type) {
      case I64 -> MemorySegment.copy(array.toLongArray(), 0, memory, ValueLayout.JAVA_LONG, 0, n);
      case F64 ->
          MemorySegment.copy(array.toDoubleArray(), 0, memory, ValueLayout.JAVA_DOUBLE, 0, n);
      default -> MemorySegment.copy(array.toFloatArray(), 0, memory, ValueLayout.JAVA_FLOAT, 0, n);
    }
    return tensor;
  }

  private int requireClasses(int n) {
    if (classes >= 0 && n != classes) {
      throw new ShapeException(
          message(
              "the row has length %d, option %s %s; correct the row or the option",
              n, option, what));
    }
    return n;
  }

  private static ShapeException nullElement(ArrayData array) {
    int i = 0;
    while (!array.isNullAt(i)) {
      i++;
    }
    return new ShapeException(
        message(
            "element %d of %d is null; pass a number, or a logit of -Infinity to leave the class out",
            i, array.numElements()));
  }
}
