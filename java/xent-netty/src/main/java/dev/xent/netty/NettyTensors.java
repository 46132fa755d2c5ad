// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import dev.xent.DType;
import dev.xent.MemoryException;
import dev.xent.ShapeException;
import dev.xent.Tensor;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * Tensors over the memory of Netty's buffers, and buffers over the memory of tensors.
 *
 * <p><b>What is shared.</b> A view covers the readable bytes of a buffer, from its reader index to
 * its writer index at the time of the call; it changes neither, and later changes of them do not
 * matter to it. Writing through one side is seen by the other. Buffers may be direct or heap ones,
 * pooled or not, slices, duplicates, read-only ones (their views are read-only) and composite ones
 * whose readable bytes lie in one component.
 *
 * <p><b>Byte order.</b> A {@code ByteBuf} is bytes, and a tensor takes them as the little-endian
 * numbers that native code works with. So numbers belong in with {@code writeFloatLE} and its like,
 * and come out with {@code getFloatLE}; {@code writeFloat} writes big-endian ones, which a view
 * would read with their bytes swapped. No buffer tells which of the two was used: big-endian
 * numbers go through {@link #copy(ByteBuf, ByteOrder, Arena, DType, long...)}.
 *
 * <p><b>Who owns the memory, and what keeps it.</b> The buffer does, by its reference count. A view
 * made with an arena retains it and releases it when the arena is closed; used after that, the
 * tensor is refused. A view made without an arena retains nothing: the caller keeps the buffer
 * reachable and unreleased as long as the tensor is used. Later use is the caller's mistake, which
 * nothing notices: it reads and writes what others have stored there since.
 *
 * <p><b>Types.</b> Bytes have none: any {@link DType} may be given, big enough for all readable
 * bytes and no more. Heap buffers are arrays of bytes, for which the JVM promises no alignment;
 * they can be viewed as {@code I8} and {@code U8} alone, and are copied as anything else.
 *
 * <p><b>Threads.</b> All methods may be called from any thread that may use the buffer. Views
 * follow the rules of {@link Tensor}.
 *
 * <p>All methods throw {@link MemoryException} for memory that cannot be shared, with the reason
 * and the fix, and {@link ShapeException} for shapes that do not fit.
 */
public final class NettyTensors {
  /**
   * Keeps what a wrapped tensor depends on: the ByteBuf itself keeps an array, or an arena of the
   * collector's, but not the owner of memory at an address.
   */
  private static final Cleaner CLEANER = Cleaner.create();

  private NettyTensors() {}

  /**
   * A view of the readable bytes, which the caller keeps unreleased while the tensor is used.
   *
   * @param shape as many elements as are readable; none given: one dimension
   */
  public static Tensor view(ByteBuf buffer, DType type, long... shape) {
    Readable bytes = Readable.of(buffer);
    return tensor(bytes, bytes.viewable(type), type, shape);
  }

  /**
   * A view of the readable bytes of a direct buffer, which is retained now and released when the
   * arena is closed: the tensor lives as long as the arena, whatever others release meanwhile.
   *
   * @param arena whose end releases the buffer, on the thread that closes it; of {@link
   *     Arena#ofAuto()}, when nothing uses the tensor any more
   * @param shape as many elements as are readable; none given: one dimension
   */
  public static Tensor view(ByteBuf buffer, Arena arena, DType type, long... shape) {
    Objects.requireNonNull(arena, "arena");
    Readable bytes = Readable.of(buffer);
    tensor(bytes, bytes.viewable(type), type, shape); // refuses before anything is retained
    return tensor(bytes, bytes.held(type, arena), type, shape);
  }

  /**
   * A copy of the readable bytes, little-endian ones, whatever the memory they lie in.
   *
   * @param arena of the copy
   * @param shape as many elements as are readable; none given: one dimension
   */
  public static Tensor copy(ByteBuf buffer, Arena arena, DType type, long... shape) {
    return copy(buffer, ByteOrder.LITTLE_ENDIAN, arena, type, shape);
  }

  /**
   * A copy of the readable bytes in little-endian order, whatever the memory they lie in.
   *
   * @param order of the numbers in the buffer: big-endian ones are those of {@code writeFloat} and
   *     its like
   * @param arena of the copy
   * @param shape as many elements as are readable; none given: one dimension
   */
  public static Tensor copy(
      ByteBuf buffer, ByteOrder order, Arena arena, DType type, long... shape) {
    Objects.requireNonNull(order, "order");
    Readable bytes = Readable.of(buffer);
    MemorySegment memory = Tensor.allocate(arena, type, bytes.elements(type)).segment();
    bytes.copyTo(memory, type, order);
    return tensor(bytes, memory, type, shape);
  }

  private static Tensor tensor(Readable bytes, MemorySegment memory, DType type, long[] shape) {
    Tensor flat = Tensor.of(memory, type, bytes.elements(type));
    return shape.length == 0 ? flat : flat.reshape(shape);
  }

  /**
   * A buffer over the memory of a contiguous tensor: all its bytes are readable, in little-endian
   * order. A read-only tensor gives a read-only buffer.
   *
   * <p>The memory stays with its owner. The buffer and its slices keep the given tensor reachable,
   * and with it an owner at an address; an arena that is closed by hand must stay open until the
   * last use of the buffer, which Netty cannot check. Releasing the buffer frees nothing of the
   * memory. Memory of a confined arena is for buffers that do not leave the thread, event loops
   * included.
   *
   * @param tensor off the heap or over an array of bytes, of at most 2<sup>31</sup> - 1 bytes, that
   *     this thread may use
   */
  public static ByteBuf wrap(Tensor tensor) {
    if (!tensor.isContiguous()) {
      throw new MemoryException(
          "the tensor is %s, and a buffer has no strides: copy it into a contiguous tensor first"
              .formatted(tensor));
    }
    MemorySegment memory = tensor.segment();
    if (memory.byteSize() > Integer.MAX_VALUE) {
      throw new MemoryException(
          "the tensor has %d bytes, and a ByteBuf at most %d: wrap slices of it"
              .formatted(memory.byteSize(), Integer.MAX_VALUE));
    }
    if (!memory.scope().isAlive() || !memory.isAccessibleBy(Thread.currentThread())) {
      throw new MemoryException(
          "%s belongs to an arena that is closed or confined to another thread: use an open shared one"
              .formatted(tensor));
    }
    try {
      ByteBuf wrapped = Unpooled.wrappedBuffer(memory.asByteBuffer());
      if (wrapped != Unpooled.EMPTY_BUFFER) { // which all share, for good
        CLEANER.register(wrapped, () -> Reference.reachabilityFence(tensor));
      }
      return wrapped;
    } catch (UnsupportedOperationException e) {
      throw new MemoryException(
          "the tensor is %s, and a ByteBuf has no other heap memory than bytes: copy it into a tensor off the heap first"
              .formatted(tensor),
          e);
    }
  }
}
