// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.lang.foreign.MemorySegment;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;

/**
 * The lists of a vector: their offsets and their numbers.
 *
 * @param offsetType I32 or I64
 * @param offsets one more than the number of lists; empty for zero lists
 * @param values the vector of all numbers
 * @param memory of the numbers up to the end of the last list
 */
record VectorLists(
    DType offsetType, MemorySegment offsets, VectorNumbers values, MemorySegment memory) {
  /** The fix for misaligned memory: lists cannot be copied. */
  private static final String ALIGN = "let their producer align them";

  static VectorLists of(ValueVector vector) {
    String name = VectorNumbers.name(vector);
    DType offsetType =
        switch (vector.getMinorType()) {
          case LIST -> DType.I32;
          case LARGELIST -> DType.I64;
          default ->
              throw new DTypeException(
                  message(
                      "vector %s has values of type %s; expected a ListVector or LargeListVector, or use view",
                      name, vector.getMinorType()));
        };
    requireNoNulls(name, vector);
    ValueVector inner = inner(vector);
    VectorNumbers values = VectorNumbers.of(inner);
    if (values.shape().length > 1) {
      throw new DTypeException(
          message("vector %s has lists of lists; expected lists of numbers", name));
    }
    long rows = vector.getValueCount();
    long offsetBytes = rows == 0 ? 0 : (rows + 1) * offsetType.byteSize();
    MemorySegment offsets = VectorNumbers.memory(name, vector.getOffsetBuffer(), offsetBytes);
    VectorNumbers.requireAligned(name, offsets, offsetType, ALIGN);
    Offsets.requirePossible(offsets, offsetType, rows);
    long first = rows == 0 ? 0 : Offsets.at(offsets, offsetType, 0);
    long last = rows == 0 ? 0 : Offsets.at(offsets, offsetType, rows);
    requireNoNulls(name, inner, first, last);
    MemorySegment memory =
        VectorNumbers.memory(name, inner.getDataBuffer(), last * values.type().byteSize());
    VectorNumbers.requireAligned(name, memory, values.type(), ALIGN);
    return new VectorLists(offsetType, offsets, values, memory);
  }

  private static ValueVector inner(ValueVector vector) {
    return vector instanceof LargeListVector large
        ? large.getDataVector()
        : ((ListVector) vector).getDataVector();
  }

  private static void requireNoNulls(String name, ValueVector vector) {
    long rows = vector.getValueCount();
    long nullAt = Validity.firstNull(VectorNumbers.bitmap(name, vector, rows), 0, rows);
    if (nullAt >= 0) {
      throw new MemoryException(
          message(
              "row %d of vector %s is null, and a tensor has no nulls: make it an empty list",
              nullAt, name));
    }
  }

  private static void requireNoNulls(String name, ValueVector values, long from, long to) {
    long nullAt = Validity.firstNull(VectorNumbers.bitmap(name, values, to), from, to);
    if (nullAt >= 0) {
      throw new MemoryException(
          message(
              "value %d of the lists of vector %s is null, and a tensor has no nulls: fill it",
              nullAt, name));
    }
  }
}
