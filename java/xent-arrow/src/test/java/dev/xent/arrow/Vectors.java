// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float2Vector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.FloatingPointVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.Types.MinorType;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/** Vectors for tests, filled with 0, 1, 2 and so on unless said otherwise. */
final class Vectors {
  private Vectors() {}

  static FieldVector numbers(BufferAllocator allocator, MinorType type, int count) {
    FieldVector vector =
        type.getNewVector("x", FieldType.nullable(type.getType()), allocator, null);
    fill(vector, count);
    return vector;
  }

  private static void fill(FieldVector vector, int count) {
    vector.setInitialCapacity(count);
    vector.allocateNew();
    for (int i = 0; i < count; i++) {
      if (vector instanceof Float2Vector halves) {
        halves.set(i, Float.floatToFloat16(i));
      } else if (vector instanceof FloatingPointVector floats) {
        floats.setWithPossibleTruncate(i, i);
      } else if (vector instanceof BaseIntVector integers) {
        integers.setWithPossibleTruncate(i, i);
      }
    }
    vector.setValueCount(count);
  }

  static Float4Vector floats(BufferAllocator allocator, float... values) {
    Float4Vector vector = new Float4Vector("x", allocator);
    vector.allocateNew(values.length);
    for (int i = 0; i < values.length; i++) {
      vector.set(i, values[i]);
    }
    vector.setValueCount(values.length);
    return vector;
  }

  /** Rows of lists in each other. */
  static FixedSizeListVector fixed(
      BufferAllocator allocator, MinorType type, int rows, int... sizes) {
    Field field = new Field("item", FieldType.nullable(type.getType()), null);
    for (int d = sizes.length - 1; d >= 0; d--) {
      field =
          new Field(
              "lists", FieldType.nullable(new ArrowType.FixedSizeList(sizes[d])), List.of(field));
    }
    FixedSizeListVector vector = (FixedSizeListVector) field.createVector(allocator);
    FieldVector inner = vector;
    int count = rows;
    for (int size : sizes) {
      FixedSizeListVector list = (FixedSizeListVector) inner;
      list.setInitialCapacity(count);
      list.allocateNew();
      inner = list.getDataVector();
      count *= size;
    }
    fill(inner, count);
    setAll(vector, rows);
    return vector;
  }

  private static void setAll(FixedSizeListVector list, int count) {
    for (int i = 0; i < count; i++) {
      list.setNotNull(i);
    }
    if (list.getDataVector() instanceof FixedSizeListVector inner) {
      setAll(inner, count * list.getListSize());
    }
    list.setValueCount(count);
  }

  /** Lists of float32 of such lengths. */
  static ListVector lists(BufferAllocator allocator, int... lengths) {
    ListVector vector = ListVector.empty("lists", allocator);
    vector.addOrGetVector(FieldType.nullable(MinorType.FLOAT4.getType()));
    vector.allocateNew();
    Float4Vector values = (Float4Vector) vector.getDataVector();
    int next = 0;
    for (int row = 0; row < lengths.length; row++) {
      vector.startNewValue(row);
      for (int i = 0; i < lengths[row]; i++) {
        values.setSafe(next, next);
        next++;
      }
      vector.endValue(row, lengths[row]);
    }
    vector.setValueCount(lengths.length);
    return vector;
  }

  /** Large lists of float32 of such lengths. */
  static LargeListVector largeLists(BufferAllocator allocator, int... lengths) {
    LargeListVector vector = LargeListVector.empty("lists", allocator);
    vector.addOrGetVector(FieldType.nullable(MinorType.FLOAT4.getType()));
    vector.allocateNew();
    Float4Vector values = (Float4Vector) vector.getDataVector();
    int next = 0;
    for (int row = 0; row < lengths.length; row++) {
      vector.startNewValue(row);
      for (int i = 0; i < lengths[row]; i++) {
        values.setSafe(next, next);
        next++;
      }
      vector.endValue(row, lengths[row]);
    }
    vector.setValueCount(lengths.length);
    return vector;
  }
}
