// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.OptionException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;

/** Copies vectors, and replaces nulls by a number. */
final class VectorCopy {
  private VectorCopy() {}

  static Tensor of(ValueVector vector, double forNull, Arena arena) {
    VectorNumbers numbers = VectorNumbers.of(vector);
    requireOfType(forNull, numbers.type());
    Tensor copy = Tensor.allocate(arena, numbers.type(), numbers.elements());
    copy.segment().copyFrom(numbers.bytes());
    long[] shape = numbers.shape();
    long count = shape[0];
    long each = shape[0] == 0 ? 0 : numbers.elements() / shape[0];
    ValueVector inner = vector;
    for (int d = 1; d <= shape.length; d++) {
      long size = each; // numbers per value of this vector
      Validity.forEachNull(
          VectorNumbers.bitmap(numbers.name(), inner, count),
          0,
          count,
          i -> fill(copy, i * size, size, forNull));
      if (d < shape.length) {
        count *= shape[d];
        each = shape[d] == 0 ? 0 : each / shape[d];
        inner = ((FixedSizeListVector) inner).getDataVector();
      }
    }
    Reference.reachabilityFence(vector);
    return copy.reshape(shape);
  }

  private static void requireOfType(double forNull, DType type) {
    boolean fits =
        switch (type) {
          case I8 -> forNull == (byte) forNull;
          case U8 -> forNull == ((int) forNull & 0xff);
          case I16 -> forNull == (short) forNull;
          case I32 -> forNull == (int) forNull;
          case U16 -> forNull == ((int) forNull & 0xffff);
          case U32 -> forNull == ((long) forNull & 0xffff_ffffL);
          case U64 -> forNull >= 0 && forNull == (long) forNull && forNull < 0x1p63;
          case I64 -> forNull == (long) forNull && forNull < 0x1p63; // 2^63 would become 2^63 - 1
          case F16 -> staysFinite(forNull, 0x1.ffep15);
          case BF16 -> staysFinite(forNull, 0x1.ffp127);
          case F32 -> staysFinite(forNull, 0x1.ffffffp127);
          case F64 -> true;
        };
    if (!fits) {
      throw new OptionException(
          message(
              "forNull is %s, the vector has numbers of %s; expected a number that is one of these",
              forNull, type));
    }
  }

  /**
   * Whether a finite number stays finite when rounded; {@code beyond} is the smallest magnitude
   * that rounds to infinity.
   */
  private static boolean staysFinite(double number, double beyond) {
    return !(Math.abs(number) >= beyond) || Double.isInfinite(number);
  }

  private static void fill(Tensor copy, long from, long count, double value) {
    MemorySegment memory = copy.segment();
    for (long i = from; i < from + count; i++) {
      switch (copy.type()) {
        case I8, U8 -> memory.set(ValueLayout.JAVA_BYTE, i, (byte) (int) value);
        case I16, U16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (int) value);
        case I32, U32 -> memory.setAtIndex(ValueLayout.JAVA_INT, i, (int) (long) value);
        case I64, U64 -> memory.setAtIndex(ValueLayout.JAVA_LONG, i, (long) value);
        case F16, BF16, F32, F64 -> copy.setDouble(value, i);
      }
    }
  }
}
