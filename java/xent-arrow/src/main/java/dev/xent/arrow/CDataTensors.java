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
 * Tensors over arrays of Arrow's C Data Interface, through which libraries of any language exchange
 * columns, by the addresses of a {@code struct ArrowArray} and its {@code struct ArrowSchema}.
 * Arrow's Java library is not needed.
 *
 * <p><b>Shared memory.</b> The tensors share the value buffers of the producer, also for slices
 * with an offset, and for lists also the offset buffers. The interface makes the buffers immutable,
 * so all tensors are read-only.
 *
 * <p>Supported formats are {@code e f g} (F16, F32, F64), {@code c s i l} (I8 to I64), {@code C S I
 * L} (U8 to U64), {@code +w} (fixed-size lists, also nested: {@code [rows, n, …]}), {@code +l} and
 * {@code +L} (lists of numbers, as {@link Ragged}). A tensor has no nulls: arrays with a null in
 * their rows are rejected.
 *
 * <p><b>Ownership and lifetime.</b> {@code view} borrows: the caller still releases the array and
 * the schema, and must not release them before the last use of the tensor. Xent does not detect an
 * earlier release. {@code take} moves: when it returns, Xent owns the array and the schema. It has
 * released the schema and marked the original array struct as released, as the interface requires
 * after a move. Closing the arena releases the array; any later use of the tensor throws. If {@code
 * take} throws, the caller still owns both.
 *
 * <p><b>Threads.</b> An array may be viewed from any thread. An array that was taken is released by
 * the thread that closes its arena.
 *
 * <p><b>Checks.</b> All fields of the array and the schema are checked against each other before a
 * value is read: lengths, offsets, null counts, numbers of buffers and children, and the sizes and
 * offsets of lists against the lengths of their values. Structs and pointers that are NULL where
 * the interface forbids it, released structs, dictionaries, misaligned buffers, and sizes that
 * exceed the address space are rejected. <b>Not checked:</b> whether an address is mapped, and how
 * much memory it has, because the interface does not include this. A wrong non-NULL address, or a
 * buffer that is shorter than the array's length requires, crashes the JVM or reads unrelated
 * memory, as in C.
 *
 * <p>All methods throw {@link DTypeException} for arrays of other formats, {@link ShapeException}
 * for lists nested more than 63 deep, and {@link MemoryException} for invalid structs and for
 * memory that cannot be shared, with the reason and the fix.
 */
public final class CDataTensors {
  /** More dimensions than any library supports. */
  private static final int MAX_RANK = 64;

  private CDataTensors() {}

  /**
   * A view of the numbers of an array. The caller must not release the array while the tensor is
   * used.
   *
   * <p>Xent trusts the caller that the structs are at these addresses, and that their buffers have
   * the sizes that they require.
   *
   * @param array the address of a {@code struct ArrowArray} of numbers or fixed-size lists
   * @param schema the address of its {@code struct ArrowSchema}
   */
  public static Tensor view(long array, long schema) {
    return tensor(new CArray(array), new CSchema(schema), memory -> memory);
  }

  /**
   * A view of the lists of an array. The caller must not release the array while the tensors are
   * used.
   *
   * <p>Xent trusts the caller that the structs are at these addresses, and that their buffers have
   * the sizes that they require.
   *
   * @param array the address of a {@code struct ArrowArray} of lists of numbers
   * @param schema the address of its {@code struct ArrowSchema}
   */
  public static Ragged viewRagged(long array, long schema) {
    return ragged(new CArray(array), new CSchema(schema), memory -> memory);
  }

  /**
   * The numbers of an array, which the arena owns from now on.
   *
   * <p>Xent trusts the caller that the structs are at these addresses, and that their buffers have
   * the sizes that they require.
   *
   * @param array the address of a {@code struct ArrowArray} of numbers or fixed-size lists
   * @param schema the address of its {@code struct ArrowSchema}
   * @param arena releases the array when it is closed
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
   * The lists of an array, which the arena owns from now on.
   *
   * <p>Xent trusts the caller that the structs are at these addresses, and that their buffers have
   * the sizes that they require.
   *
   * @param array the address of a {@code struct ArrowArray} of lists of numbers
   * @param schema the address of its {@code struct ArrowSchema}
   * @param arena releases the array when it is closed
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

  /** Limits the lifetime of memory to that of the arena. */
  private static UnaryOperator<MemorySegment> until(Arena arena) {
    return memory -> {
      try {
        return memory.reinterpret(arena, null).asReadOnly(); // reinterpret drops it in JDK 21
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
