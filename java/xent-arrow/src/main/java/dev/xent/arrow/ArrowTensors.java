// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static dev.xent.internal.adapter.Sharing.unusable;

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
 * <p><b>Shared memory.</b> A view shares the data buffer of a vector, and for lists of different
 * sizes also the offset buffer. Writes to the vector are visible in the tensor, and the other way
 * round. Arrow treats vectors as immutable once they are passed on: only the owner of a vector may
 * write to it through a tensor.
 *
 * <table>
 *   <caption>Vectors and their tensors</caption>
 *   <tr><th>vector</th><th>tensor</th></tr>
 *   <tr><td>Float2, Float4, Float8</td><td>F16, F32, F64 {@code [rows]}</td></tr>
 *   <tr><td>TinyInt, UInt1, SmallInt, Int, BigInt</td>
 *       <td>I8, I16, I32, I64, U8 to U64 {@code [rows]}</td></tr>
 *   <tr><td>FixedSizeList of n of these</td><td>{@code [rows, n]}; in each other
 *       {@code [rows, n, m]} and so on</td></tr>
 *   <tr><td>List, LargeList</td><td>{@link Ragged}, with row offsets of I32 and I64</td></tr>
 * </table>
 *
 * <p>A tensor has no nulls: views reject a vector if the validity bitmap of its lists or of its
 * numbers has a null, and {@link #copy} replaces nulls by a number. Bits, dictionaries, wider
 * unsigned integers and all vectors that are not numbers are rejected.
 *
 * <p><b>Ownership and lifetime.</b> The buffers own the memory, by their reference counts. A view
 * with an arena retains them and releases them when the arena is closed; any later use of the
 * tensor throws. Close the arena before the allocator. A view without an arena keeps the vector
 * reachable and retains nothing: the caller must not close, clear, reallocate or transfer the
 * vector while the tensor is used. Xent does not detect later use. A closed vector is empty, in
 * Arrow and here.
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
   * A view of the numbers of a vector. The caller must keep the vector open while the tensor is
   * used.
   *
   * @param vector of numbers, or of fixed-size lists of numbers, without nulls
   */
  public static Tensor view(ValueVector vector) {
    Objects.requireNonNull(vector, "vector");
    return view(vector, kept(vector));
  }

  /**
   * A view of the numbers of a vector. The buffer is retained now and released when the arena is
   * closed: the tensor lives as long as the arena, even if the vector is closed earlier.
   *
   * @param vector of numbers, or of fixed-size lists of numbers, without nulls
   * @param arena releases the buffer when it is closed, on the thread that closes it
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
   * A view of the lists of a vector. The caller must keep the vector open while the tensors are
   * used.
   *
   * @param vector a ListVector or LargeListVector of numbers, without nulls
   */
  public static Ragged viewRagged(ValueVector vector) {
    Objects.requireNonNull(vector, "vector");
    return viewRagged(vector, kept(vector));
  }

  /**
   * A view of the lists of a vector. The buffers are retained now and released when the arena is
   * closed.
   *
   * @param vector a ListVector or LargeListVector of numbers, without nulls
   * @param arena releases the buffers when it is closed, on the thread that closes it
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
   * @param vector of numbers, or of fixed-size lists of numbers
   * @param forNull the value that replaces a null, for example the ignore index of labels. If a
   *     list is null, it replaces all numbers of the list. It is rounded once to the type of the
   *     numbers. For an integer type it must be a value of the type; for a floating-point type a
   *     finite value must stay finite
   * @param arena owns the copy
   * @throws OptionException if the type cannot represent {@code forNull}
   */
  public static Tensor copy(ValueVector vector, double forNull, Arena arena) {
    Objects.requireNonNull(vector, "vector");
    Objects.requireNonNull(arena, "arena");
    return VectorCopy.of(vector, forNull, arena);
  }

  /**
   * A vector over the memory of a tensor, without nulls: of numbers if the tensor has one
   * dimension, of fixed-size lists if it has more.
   *
   * <p>The vector keeps the tensor reachable until the vector is closed, but does not keep an arena
   * open. Until then the allocator counts the memory as allocated by it. The allocator also
   * allocates the validity bitmap.
   *
   * @param tensor contiguous, off the heap and writable, of another type than BF16, of less than
   *     2<sup>31</sup> elements, accessible from this thread
   * @param name of the vector
   */
  public static FieldVector wrap(Tensor tensor, String name, BufferAllocator allocator) {
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(allocator, "allocator");
    return WrappedVector.of(tensor, name, allocator);
  }

  /** Makes a tensor of a part of a buffer. */
  private interface Viewing {
    Tensor view(MemorySegment memory, ArrowBuf buffer, DType type, long... shape);
  }

  /** Retains nothing; keeps the vector reachable. */
  private static Viewing kept(ValueVector vector) {
    return (memory, buffer, type, shape) ->
        Tensor.ofAddress(memory.address(), memory.byteSize(), vector, type, shape);
  }

  /** Retains the buffer as long as the arena is open. */
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
        throw unusable(e);
      }
    };
  }
}
