// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.ReferenceManager;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.ValueVector;

/**
 * Tensors over the memory of Arrow vectors, and vectors over the memory of tensors.
 *
 * <p><b>What is shared.</b> The data buffer of a vector, and of lists of different sizes the
 * offsets too. Writing through one side is seen by the other. Arrow takes vectors as immutable once
 * they are handed on; who writes into one through a tensor must be the one who may.
 *
 * <table>
 *   <caption>What becomes what</caption>
 *   <tr><th>vector</th><th>tensor</th></tr>
 *   <tr><td>Float2, Float4, Float8</td><td>F16, F32, F64 {@code [rows]}</td></tr>
 *   <tr><td>TinyInt, UInt1, SmallInt, Int, BigInt</td>
 *       <td>I8, I16, I32, I64, U8 to U64 {@code [rows]}</td></tr>
 *   <tr><td>FixedSizeList of n of these</td><td>{@code [rows, n]}; in each other
 *       {@code [rows, n, m]} and so on</td></tr>
 *   <tr><td>List, LargeList</td><td>{@link Ragged}, with row offsets of I32 and I64</td></tr>
 * </table>
 *
 * <p>A tensor has no nulls: vectors with any are refused, by the validity bitmaps of lists and
 * numbers, and copied where a number stands for null. Bits, dictionaries, wider unsigned integers
 * and everything that is no number are refused.
 *
 * <p><b>Who owns the memory, and what keeps it.</b> The buffers do, by their reference counts. A
 * view made with an arena retains them and releases them when the arena is closed; used after that,
 * the tensor is refused. Close the arena before the allocator. A view made without an arena keeps
 * the vector reachable and retains nothing: the caller does not close, clear, reallocate or
 * transfer the vector while the tensor is used. Later use is the caller's mistake, which nothing
 * notices. A vector that is closed already is an empty one, to Arrow and here.
 *
 * <p><b>Threads.</b> All methods may be called from any thread that may read the vector. Views
 * follow the rules of {@link Tensor}.
 *
 * <p>All methods throw {@link DTypeException} for vectors of other types, and {@link
 * MemoryException} for memory that cannot be shared, with the reason and the fix.
 */
public final class ArrowTensors {
  private ArrowTensors() {}

  /**
   * A view of the numbers of a vector, which the caller keeps open while the tensor is used.
   *
   * @param vector of numbers, or of fixed-size lists of them, without nulls
   */
  public static Tensor view(ValueVector vector) {
    Objects.requireNonNull(vector, "vector");
    return view(vector, kept(vector));
  }

  /**
   * A view of the numbers of a vector, whose buffer is retained now and released when the arena is
   * closed: the tensor lives as long as the arena, even when the vector is closed meanwhile.
   *
   * @param vector of numbers, or of fixed-size lists of them, without nulls
   * @param arena whose end releases the buffer, on the thread that closes it
   */
  public static Tensor view(ValueVector vector, Arena arena) {
    Objects.requireNonNull(vector, "vector");
    return view(vector, held(arena));
  }

  private static Tensor view(ValueVector vector, Viewing viewing) {
    VectorNumbers numbers = VectorNumbers.of(vector);
    numbers.requireNoNulls(vector);
    MemorySegment memory = numbers.bytes();
    VectorNumbers.requireAligned(numbers.name(), memory, numbers.type(), "use copy");
    return viewing.view(memory, numbers.values().getDataBuffer(), numbers.type(), numbers.shape());
  }

  /**
   * A view of the lists of a vector, which the caller keeps open while the tensors are used.
   *
   * @param vector a ListVector or LargeListVector of numbers, without nulls
   */
  public static Ragged viewRagged(ValueVector vector) {
    Objects.requireNonNull(vector, "vector");
    return viewRagged(vector, kept(vector));
  }

  /**
   * A view of the lists of a vector, whose buffers are retained now and released when the arena is
   * closed.
   *
   * @param vector a ListVector or LargeListVector of numbers, without nulls
   * @param arena whose end releases the buffers, on the thread that closes it
   */
  public static Ragged viewRagged(ValueVector vector, Arena arena) {
    Objects.requireNonNull(vector, "vector");
    return viewRagged(vector, held(arena));
  }

  private static Ragged viewRagged(ValueVector vector, Viewing viewing) {
    VectorLists lists = VectorLists.of(vector);
    DType type = lists.values().type();
    Tensor values =
        viewing.view(
            lists.memory(),
            lists.values().values().getDataBuffer(),
            type,
            lists.memory().byteSize() / type.byteSize());
    if (vector.getValueCount() == 0) {
      return new Ragged(values, Offsets.ofNoRows(lists.offsetType()));
    }
    Tensor rowOffsets =
        viewing.view(
            lists.offsets(),
            vector.getOffsetBuffer(),
            lists.offsetType(),
            vector.getValueCount() + 1L);
    return new Ragged(values, rowOffsets);
  }

  /**
   * A copy of the numbers of a vector.
   *
   * @param vector of numbers, or of fixed-size lists of them
   * @param forNull what stands in place of a null, in all numbers of a list that is null: an ignore
   *     index among labels, say. Rounded once to the type of the numbers; of an integer type it
   *     must be one, of a type of floats a finite one must stay finite
   * @param arena of the copy
   * @throws OptionException where the type does not have {@code forNull}
   */
  public static Tensor copy(ValueVector vector, double forNull, Arena arena) {
    Objects.requireNonNull(vector, "vector");
    Objects.requireNonNull(arena, "arena");
    return VectorCopy.of(vector, forNull, arena);
  }

  /**
   * A vector over the memory of a tensor, without nulls: of numbers where the tensor has one
   * dimension, of fixed-size lists where it has more.
   *
   * <p>The vector keeps the tensor reachable until it is closed, but no arena open. The allocator
   * counts the memory as its own until then, and gives some for the validity bitmap.
   *
   * @param tensor contiguous, off the heap and writable, of another type than BF16, of less than
   *     2<sup>31</sup> elements, that this thread may use
   * @param name of the vector
   */
  public static FieldVector wrap(Tensor tensor, String name, BufferAllocator allocator) {
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(allocator, "allocator");
    return WrappedVector.of(tensor, name, allocator);
  }

  /** How a piece of a buffer becomes a tensor. */
  private interface Viewing {
    Tensor view(MemorySegment memory, ArrowBuf buffer, DType type, long... shape);
  }

  /** Nothing is retained, and the vector stays reachable. */
  private static Viewing kept(ValueVector vector) {
    return (memory, buffer, type, shape) ->
        Tensor.ofAddress(memory.address(), memory.byteSize(), vector, type, shape);
  }

  /** The buffer is retained as long as the arena is open. */
  private static Viewing held(Arena arena) {
    Objects.requireNonNull(arena, "arena");
    return (memory, buffer, type, shape) -> {
      ReferenceManager references = buffer.getReferenceManager();
      references.retain();
      try {
        MemorySegment held =
            MemorySegment.ofAddress(memory.address())
                .reinterpret(memory.byteSize(), arena, closed -> references.release());
        return Tensor.of(held, type, shape);
      } catch (IllegalStateException | WrongThreadException e) {
        references.release();
        throw new MemoryException(
            "the arena cannot be used: "
                + e.getMessage()
                + "; pass an open arena that is shared or confined to this thread",
            e);
      }
    };
  }
}
