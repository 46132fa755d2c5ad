// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Locale;
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
 * unreleased as long as the tensor is used.
 *
 * <p><b>What becomes of a view when its buffer changes.</b> Each use of a view asks the buffer
 * first, and is refused with a {@link MemoryException}, with nothing read or written, once the
 * buffer is released, is over memory of an arena that is closed, or has other memory because it
 * grew or shrank, directly or through a slice or duplicate: growing frees the old memory, whoever
 * retains the buffer. A view of a composite buffer depends on nothing but the component that has
 * the bytes, and retains that one: it stays what it is when components before or behind it are
 * removed or discarded, and with an arena also when its own one is, or when they are consolidated,
 * from which on it is no longer memory of the composite buffer. Three things nothing can notice,
 * and the caller must not do them while a view is used:
 *
 * <ul>
 *   <li>{@code discardReadBytes} and {@code discardSomeReadBytes} of a buffer that is not a
 *       composite one move its bytes to its beginning; a view stays where it is, and sees what has
 *       come there.
 *   <li>A pooled buffer that was viewed without an arena, released, and taken from the pool again
 *       may be the same object with the same memory: the view reads and writes what its new owner
 *       stores there.
 *   <li>Another thread that lets the buffer grow, shrink or go during a call, after the call has
 *       asked, takes the memory away under it; so does one that closes the arena that a buffer of
 *       {@link #wrap} is over, under a view with an arena.
 * </ul>
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
  private NettyTensors() {}

  /**
   * A view of the readable bytes, which the caller keeps unreleased while the tensor is used.
   *
   * <p>The tensor is refused while the buffer is released and when it has other memory because it
   * grew or shrank. Not noticed: {@code discardReadBytes}, which moves the bytes under the tensor,
   * and a release after which the pool gives out the same buffer with the same memory again.
   *
   * @param shape as many elements as are readable; none given: one dimension
   */
  public static Tensor view(ByteBuf buffer, DType type, long... shape) {
    Objects.requireNonNull(buffer, "buffer");
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(shape, "shape");
    return shaped(Readable.of(buffer).view(type), shape);
  }

  /**
   * A view of the readable bytes of a direct buffer, which is retained now and released when the
   * arena is closed: whatever others release meanwhile, the memory stays. Of a composite buffer the
   * component that has the bytes is retained.
   *
   * <p>Retaining does not keep a buffer from growing or shrinking, which frees its memory; the
   * tensor is refused from then on. Not noticed: {@code discardReadBytes}, which moves the bytes
   * under the tensor.
   *
   * @param arena whose end releases the buffer, on the thread that closes it; of {@link
   *     Arena#ofAuto()}, when nothing uses the tensor any more
   * @param shape as many elements as are readable; none given: one dimension
   */
  public static Tensor view(ByteBuf buffer, Arena arena, DType type, long... shape) {
    Objects.requireNonNull(buffer, "buffer");
    Objects.requireNonNull(arena, "arena");
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(shape, "shape");
    Readable bytes = Readable.of(buffer);
    shaped(bytes.view(type), shape); // refuses before anything is retained
    return shaped(bytes.view(type, arena), shape);
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
   * @param order of the numbers in the buffer: {@code writeFloat} and its like write big-endian
   *     ones
   * @param arena of the copy
   * @param shape as many elements as are readable; none given: one dimension
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
   * A buffer over the memory of a contiguous tensor: all its bytes are readable, in little-endian
   * order. A read-only tensor gives a read-only buffer.
   *
   * <p>The memory stays with its owner. The buffer and its slices keep reachable what the tensor
   * keeps, an arena of the collector's or an owner at an address, and a writable buffer lets go of
   * it when it is released, a read-only one when it is unreachable itself. An arena that is closed
   * by hand must stay open until the last use of the buffer, and a buffer that the tensor is a view
   * of must neither move nor be released until then: Netty checks neither. Releasing the buffer
   * frees nothing of the memory. Memory of a confined arena is for buffers that do not leave the
   * thread, event loops included.
   *
   * @param tensor off the heap or over an array of bytes, of at most 2<sup>31</sup> - 1 bytes, that
   *     this thread may use
   */
  public static ByteBuf wrap(Tensor tensor) {
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    if (!tensor.isContiguous()) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "the tensor is %s, and a buffer has no strides: copy it into a contiguous tensor first",
              tensor));
    }
    MemorySegment memory = tensor.segment();
    if (memory.byteSize() > Integer.MAX_VALUE) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "the tensor has %d bytes, and a ByteBuf at most %d: wrap slices of it",
              memory.byteSize(),
              Integer.MAX_VALUE));
    }
    if (!memory.scope().isAlive() || !memory.isAccessibleBy(Thread.currentThread())) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s belongs to an arena that is closed or confined to another thread: use an open shared one",
              tensor));
    }
    try {
      return Unpooled.wrappedBuffer(memory.asByteBuffer());
    } catch (UnsupportedOperationException e) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "the tensor is %s, and a ByteBuf has no other heap memory than bytes: copy it into a tensor off the heap first",
              tensor),
          e);
    }
  }
}
