// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Locale;
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
 * <p>Formats {@code e f g} (F16, F32, F64), {@code c s i l} (I8 to I64), {@code C S I L} (U8 to
 * U64), {@code +w} (fixed-size lists, also in each other: {@code [rows, n, …]}), {@code +l} and
 * {@code +L} (lists of numbers, as {@link Ragged}). A tensor has no nulls: arrays whose bitmaps
 * have any in the rows are refused.
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
 * <p><b>What is checked.</b> All that array and schema say, against each other and before a value
 * is read: lengths, offsets, null counts, numbers of buffers and children, sizes and offsets of
 * lists against the lengths of their values, and that nothing is NULL that must not be, released, a
 * dictionary, misaligned, or larger than memory can be. <b>What cannot be checked</b>: that there
 * is memory at an address and how much, as the interface does not tell. An address that is wrong
 * and not NULL, or a buffer that is shorter than its array says, ends the JVM or gives others'
 * bytes, as it does in C.
 *
 * <p>All methods throw {@link DTypeException} for arrays of other formats, {@link ShapeException}
 * for lists in each other more than 63 times, and {@link MemoryException} for structs that cannot
 * be and memory that cannot be shared, with the reason and the fix.
 */
public final class CDataTensors {
  /** More dimensions than any library has. */
  private static final int MAX_RANK = 64;

  private CDataTensors() {}

  /**
   * A view of the numbers of an array, which the caller keeps unreleased while the tensor is used.
   *
   * <p>That the structs are at these addresses, and memory of the sizes that they tell behind
   * theirs, is taken at the caller's word.
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
   * <p>That the structs are at these addresses, and memory of the sizes that they tell behind
   * theirs, is taken at the caller's word.
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
   * <p>That the structs are at these addresses, and memory of the sizes that they tell behind
   * theirs, is taken at the caller's word.
   *
   * @param array the address of a {@code struct ArrowArray} of numbers or fixed-size lists
   * @param schema the address of its {@code struct ArrowSchema}
   * @param arena whose end releases the array
   */
  public static Tensor take(long array, long schema, Arena arena) {
    Objects.requireNonNull(arena, "arena");
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
   * <p>That the structs are at these addresses, and memory of the sizes that they tell behind
   * theirs, is taken at the caller's word.
   *
   * @param array the address of a {@code struct ArrowArray} of lists of numbers
   * @param schema the address of its {@code struct ArrowSchema}
   * @param arena whose end releases the array
   */
  public static Ragged takeRagged(long array, long schema, Arena arena) {
    Objects.requireNonNull(arena, "arena");
    CArray taken = new CArray(array);
    CSchema read = new CSchema(schema);
    Ragged ragged = ragged(taken, read, until(arena));
    taken.moveTo(arena);
    read.release();
    return ragged;
  }

  /** The same memory, as long as the arena is open. */
  private static UnaryOperator<MemorySegment> until(Arena arena) {
    return memory -> {
      try {
        return memory.reinterpret(arena, null).asReadOnly(); // which JDK 21 forgets
      } catch (IllegalStateException | WrongThreadException e) {
        throw new MemoryException(
            "the arena cannot be used: "
                + e.getMessage()
                + "; pass an open arena that is shared or confined to this thread",
            e);
      }
    };
  }

  private static Tensor tensor(
      CArray array, CSchema schema, UnaryOperator<MemorySegment> lifetime) {
    Deque<Level> lists = new ArrayDeque<>();
    long[] shape = {array.length()};
    Level level = Level.of(array);
    CSchema type = schema;
    for (long size = type.listSize(); size >= 0; size = type.listSize()) {
      if (shape.length == MAX_RANK) {
        throw new ShapeException(
            String.format(
                Locale.ROOT,
                "the array has lists in lists %d times; expected %d dimensions at most",
                MAX_RANK,
                MAX_RANK));
      }
      shape = Arrays.copyOf(shape, shape.length + 1);
      shape[shape.length - 1] = size;
      lists.add(level);
      type = type.child();
      level = level.lists(size);
    }
    DType element = type.type();
    MemorySegment values = level.values(element);
    lists.forEach(outer -> outer.requireNoNulls(1));
    level.requireNoNulls(2);
    return Tensor.of(lifetime.apply(values), element, shape);
  }

  private static Ragged ragged(
      CArray array, CSchema schema, UnaryOperator<MemorySegment> lifetime) {
    DType offsetType = schema.offsetType();
    DType type = schema.child().type();
    CArray values = array.child();
    values.requireChildren(0);
    long rows = array.length();
    long from = array.offset();
    long origin = values.offset();
    MemorySegment offsets = array.elements("offsets", offsetType, from, rows == 0 ? 0 : rows + 1);
    Offsets.requirePossible(offsets, offsetType, rows);
    long first = rows == 0 ? 0 : Offsets.at(offsets, offsetType, 0);
    long last = rows == 0 ? 0 : Offsets.at(offsets, offsetType, rows);
    values.requireValues(last);
    MemorySegment numbers = values.elements("values", type, origin, last);
    array.requireNoNulls(2, "row", from, from, from + rows, 1);
    values.requireNoNulls(2, "value", origin, origin + first, origin + last, 1);
    return new Ragged(
        Tensor.of(lifetime.apply(numbers), type, last),
        rows == 0
            ? Offsets.ofNoRows(offsetType)
            : Tensor.of(lifetime.apply(offsets), offsetType, rows + 1));
  }
}
