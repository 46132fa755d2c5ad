// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.DType;
import dev.xent.DTypeException;
import dev.xent.MemoryException;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * Tensors over arrays of Arrow's C Data Interface, in which libraries of any language hand each
 * other columns: by the addresses of a {@code struct ArrowArray} and its {@code struct
 * ArrowSchema}. Arrow's Java library is not needed.
 *
 * <p><b>What is shared.</b> The values of the array, where its producer has them, offsets of slices
 * included; of lists the offsets too. The interface makes them immutable, so all tensors are
 * read-only.
 *
 * <p>Formats {@code e f g} (F16, F32, F64), {@code c C s i l} (I8, U8, I16, I32, I64), {@code +w}
 * (fixed-size lists, also in each other: {@code [rows, n, …]}), {@code +l} and {@code +L} (lists of
 * numbers, as {@link Ragged}). A tensor has no nulls: arrays whose bitmaps have any in the rows are
 * refused.
 *
 * <p><b>Who owns the memory, and what keeps it.</b> {@code view} borrows: the caller releases array
 * and schema, as without it, and not before the tensor was used last; nothing notices when that is
 * too early. {@code take} moves: array and schema belong to Xent when it returns, the schema is
 * released, the array is marked released where it was, as the interface wants a moved one, and is
 * released for good when the arena is closed; a tensor used after that is refused. Where {@code
 * take} throws, both stay the caller's.
 *
 * <p><b>Threads.</b> An array may be viewed from any thread. A taken one is released by the thread
 * that closes its arena.
 *
 * <p>An address is taken at the caller's word, and so is the size of the memory there. Counts,
 * offsets and NULL where there should be an address are refused where they cannot be. All methods
 * throw {@link DTypeException} for arrays of other formats, and {@link MemoryException} for memory
 * that cannot be shared, with the reason and the fix.
 */
public final class CDataTensors {
  private CDataTensors() {}

  /**
   * A view of the numbers of an array, which the caller keeps unreleased while the tensor is used.
   *
   * @param array the address of a {@code struct ArrowArray} of numbers or fixed-size lists
   * @param schema the address of its {@code struct ArrowSchema}
   */
  public static Tensor view(long array, long schema) {
    return tensor(new CArray(array), new CSchema(schema), memory -> memory);
  }

  /**
   * A view of the lists of an array, which the caller keeps unreleased while the tensors are used.
   *
   * @param array the address of a {@code struct ArrowArray} of lists of numbers
   * @param schema the address of its {@code struct ArrowSchema}
   */
  public static Ragged viewRagged(long array, long schema) {
    return ragged(new CArray(array), new CSchema(schema), memory -> memory);
  }

  /**
   * The numbers of an array that belongs to the arena from now on.
   *
   * @param array the address of a {@code struct ArrowArray} of numbers or fixed-size lists
   * @param schema the address of its {@code struct ArrowSchema}
   * @param arena whose end releases the array
   */
  public static Tensor take(long array, long schema, Arena arena) {
    CArray taken = new CArray(array);
    CSchema read = new CSchema(schema);
    Tensor tensor = tensor(taken, read, until(arena));
    taken.moveTo(arena);
    read.release();
    return tensor;
  }

  /**
   * The lists of an array that belongs to the arena from now on.
   *
   * @param array the address of a {@code struct ArrowArray} of lists of numbers
   * @param schema the address of its {@code struct ArrowSchema}
   * @param arena whose end releases the array
   */
  public static Ragged takeRagged(long array, long schema, Arena arena) {
    CArray taken = new CArray(array);
    CSchema read = new CSchema(schema);
    Ragged ragged = ragged(taken, read, until(arena));
    taken.moveTo(arena);
    read.release();
    return ragged;
  }

  /** The same memory, as long as the arena is open. */
  private static UnaryOperator<MemorySegment> until(Arena arena) {
    Objects.requireNonNull(arena, "arena");
    return memory -> {
      try {
        return memory.reinterpret(arena, null);
      } catch (IllegalStateException | WrongThreadException e) {
        throw new MemoryException(
            "the arena cannot be used: "
                + e.getMessage()
                + "; give one that is open, and shared or of this thread",
            e);
      }
    };
  }

  private static Tensor tensor(
      CArray array, CSchema schema, UnaryOperator<MemorySegment> lifetime) {
    long[] shape = {array.length()};
    long from = array.offset();
    long count = array.length();
    long each = 1; // numbers of this array in a row
    long origin = from;
    CArray values = array;
    CSchema type = schema;
    for (long size = type.listSize(); size >= 0; size = type.listSize()) {
      values.requireNoNulls(1, "row", origin, from, from + count, each);
      shape = Arrays.copyOf(shape, shape.length + 1);
      shape[shape.length - 1] = size;
      values = values.child();
      type = type.child();
      from = from * size + values.offset();
      origin = from;
      count *= size;
      each *= size;
    }
    DType element = type.type();
    values.requireNoNulls(2, "row", origin, from, from + count, each);
    return Tensor.of(lifetime.apply(values.values(element, from, count)), element, shape);
  }

  private static Ragged ragged(
      CArray array, CSchema schema, UnaryOperator<MemorySegment> lifetime) {
    DType offsetType = schema.offsetType();
    CArray values = array.child();
    DType type = schema.child().type();
    long rows = array.length();
    array.requireNoNulls(2, "row", array.offset(), array.offset(), array.offset() + rows, 1);
    long origin = values.offset();
    if (rows == 0) {
      return new Ragged(
          Tensor.of(lifetime.apply(values.values(type, origin, 0)), type, 0),
          Offsets.ofNoRows(offsetType));
    }
    MemorySegment offsets = array.values(offsetType, array.offset(), rows + 1);
    long first = Offsets.at(offsets, offsetType, 0);
    long last = Offsets.at(offsets, offsetType, rows);
    Offsets.requirePossible(first, last);
    values.requireNoNulls(2, "value", origin, origin + first, origin + last, 1);
    return new Ragged(
        Tensor.of(lifetime.apply(values.values(type, origin, last)), type, last),
        Tensor.of(lifetime.apply(offsets), offsetType, rows + 1));
  }
}
