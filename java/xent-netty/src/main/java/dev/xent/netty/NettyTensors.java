// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import static dev.xent.internal.adapter.Sharing.requireUsable;
import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * Tensors over the memory of Netty buffers, and Netty buffers over the memory of tensors.
 *
 * <p><b>Shared memory.</b> A view covers the readable bytes of a buffer, from its reader index to
 * its writer index at the time of the call. The view does not change the indexes, and later changes
 * of the indexes do not affect the view. Writes to the buffer are visible in the tensor, and the
 * other way round. Buffers may be direct or heap buffers, pooled or unpooled, slices, duplicates,
 * read-only buffers (their views are read-only) and composite buffers whose readable bytes are in
 * one component.
 *
 * <p><b>Byte order.</b> A {@code ByteBuf} holds bytes. A tensor reads them as little-endian
 * numbers, the order that native code uses. Write numbers with {@code writeFloatLE} and similar
 * methods, and read them with {@code getFloatLE}. {@code writeFloat} writes big-endian numbers,
 * which a view reads with their bytes swapped. A buffer does not record the byte order of its
 * numbers. Read big-endian numbers with {@link #copy(ByteBuf, ByteOrder, Arena, DType, long...)}.
 *
 * <p><b>Ownership and lifetime.</b> The buffer owns the memory, by its reference count. A view with
 * an arena retains the buffer and releases it when the arena is closed; any later use of the tensor
 * throws. A view without an arena does not retain the buffer: the caller must not release the
 * buffer while the tensor is used.
 *
 * <p><b>Changes of the buffer.</b> Each use of a view first checks the buffer. The use throws a
 * {@link MemoryException}, and reads and writes nothing, if the buffer is released, if it is over
 * memory of a closed arena, or if it has other memory because it grew or shrank, directly or
 * through a slice or duplicate. Growing frees the old memory even if the buffer is retained. A view
 * of a composite buffer depends only on the component that has the bytes, and retains that
 * component. The view stays valid when components before or after it are removed or discarded. With
 * an arena it also stays valid when its component is removed or the components are consolidated;
 * from then on it is no longer memory of the composite buffer. The check cannot detect three
 * changes, which the caller must avoid while a view is used:
 *
 * <ul>
 *   <li>{@code discardReadBytes} and {@code discardSomeReadBytes} of a buffer that is not composite
 *       move its bytes to its beginning. A view keeps its address and sees the bytes that were
 *       moved there.
 *   <li>A pooled buffer that is viewed without an arena, released, and taken from the pool again
 *       can be the same object with the same memory. The view then reads and writes the data of the
 *       new owner.
 *   <li>If another thread grows, shrinks or releases the buffer during a call, after the check, the
 *       call uses freed memory. The same happens if another thread closes the arena that a buffer
 *       of {@link #wrap} is over; a view with an arena does not prevent it.
 * </ul>
 *
 * <p><b>Types.</b> Bytes have no element type: pass any {@link DType} whose elements fill the
 * readable bytes exactly. Heap buffers are byte arrays, for which the JVM guarantees no alignment.
 * They can be viewed only as {@code I8} and {@code U8}, and copied as any type.
 *
 * <p><b>Threads.</b> All methods may be called from any thread that may use the buffer. Views
 * follow the rules of {@link Tensor}.
 *
 * <p>All methods throw {@link MemoryException} for memory that cannot be shared, with the reason
 * and the fix, and {@link ShapeException} for shapes that do not fit.
 */
public final class NettyTensors {
  private NettyTensors() {}

  /**
   * A view of the readable bytes, without retaining the buffer. The caller must not release the
   * buffer while the tensor is used.
   *
   * <p>Using the tensor throws while the buffer is released and after it grew or shrank to other
   * memory. Two changes are not detected: {@code discardReadBytes}, which moves the bytes under the
   * tensor, and a release after which the pool returns the same buffer with the same memory again.
   *
   * @param shape sizes whose product is the number of readable elements; if omitted, one dimension
   */
  public static Tensor view(ByteBuf buffer, DType type, long... shape) {
    Objects.requireNonNull(buffer, "buffer");
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(shape, "shape");
    return shaped(Readable.of(buffer).view(type), shape);
  }

  /**
   * A view of the readable bytes of a direct buffer. The buffer is retained now and released when
   * the arena is closed, so its memory stays valid whenever others release it. For a composite
   * buffer, the component that has the bytes is retained.
   *
   * <p>Retaining does not prevent a buffer from growing or shrinking, which frees its memory; from
   * then on every use of the tensor throws. {@code discardReadBytes}, which moves the bytes under
   * the tensor, is not detected.
   *
   * @param arena releases the buffer when it is closed, on the thread that closes it; {@link
   *     Arena#ofAuto()} does so when the tensor is unreachable
   * @param shape sizes whose product is the number of readable elements; if omitted, one dimension
   */
  public static Tensor view(ByteBuf buffer, Arena arena, DType type, long... shape) {
    Objects.requireNonNull(buffer, "buffer");
    Objects.requireNonNull(arena, "arena");
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(shape, "shape");
    Readable bytes = Readable.of(buffer);
    shaped(bytes.view(type), shape); // throws before anything is retained
    return shaped(bytes.view(type, arena), shape);
  }

  /**
   * A copy of the readable bytes, which must be little-endian, from any kind of buffer.
   *
   * @param arena owns the copy
   * @param shape sizes whose product is the number of readable elements; if omitted, one dimension
   */
  public static Tensor copy(ByteBuf buffer, Arena arena, DType type, long... shape) {
    return copy(buffer, ByteOrder.LITTLE_ENDIAN, arena, type, shape);
  }

  /**
   * A copy of the readable bytes in little-endian order, from any kind of buffer.
   *
   * @param order of the numbers in the buffer; {@code writeFloat} and similar methods write
   *     big-endian numbers
   * @param arena owns the copy
   * @param shape sizes whose product is the number of readable elements; if omitted, one dimension
   */
  public static Tensor copy(
      ByteBuf buffer, ByteOrder order, Arena arena, DType type, long... shape) {
    Objects.requireNonNull(buffer, "buffer");
    Objects.requireNonNull(order, "order");
    Objects.requireNonNull(arena, "arena");
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(shape, "shape");
    Readable bytes = Readable.of(buffer);
    Tensor copy = Tensor.allocate(arena, type, bytes.elements(type));
    bytes.copyTo(copy.segment(), type, order);
    return shaped(copy, shape);
  }

  private static Tensor shaped(Tensor flat, long[] shape) {
    return shape.length == 0 ? flat : flat.reshape(shape);
  }

  /**
   * A buffer over the memory of a contiguous tensor. All its bytes are readable, in little-endian
   * order. The buffer of a read-only tensor is read-only.
   *
   * <p>The memory stays with its owner, and releasing the buffer frees no memory. The buffer and
   * its slices keep reachable what the tensor keeps reachable: an automatic arena, or the owner of
   * an address. A writable buffer drops that reference when it is released, a read-only buffer when
   * it becomes unreachable. An arena that is closed explicitly must stay open until the last use of
   * the buffer. If the tensor is a view of another buffer, that buffer must neither move nor be
   * released until then. Netty checks neither. A buffer over memory of a confined arena must not
   * leave the thread, which rules out event loops.
   *
   * @param tensor off the heap or over a byte array, of at most 2<sup>31</sup> - 1 bytes,
   *     accessible from this thread
   */
  public static ByteBuf wrap(Tensor tensor) {
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    if (!tensor.isContiguous()) {
      throw new MemoryException(
          "the tensor is "
              + tensor.describe()
              + ", and a buffer has no strides: copy it into a contiguous tensor first");
    }
    MemorySegment memory = tensor.segment();
    if (memory.byteSize() > Integer.MAX_VALUE) {
      throw new MemoryException(
          message(
              "the tensor has %d bytes, and a ByteBuf at most %d: wrap slices of it",
              memory.byteSize(), Integer.MAX_VALUE));
    }
    requireUsable(tensor.describe(), memory);
    try {
      return Unpooled.wrappedBuffer(memory.asByteBuffer());
    } catch (UnsupportedOperationException e) {
      throw new MemoryException(
          "the tensor is "
              + tensor.describe()
              + ", and a ByteBuf has no other heap memory than bytes: copy it into a tensor off the"
              + " heap first",
          e);
    }
  }
}
