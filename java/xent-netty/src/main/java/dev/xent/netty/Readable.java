// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import static dev.xent.internal.adapter.Sharing.requireUsable;
import static dev.xent.internal.adapter.Sharing.unusable;
import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import io.netty.buffer.ByteBuf;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The readable bytes of a buffer that is not released, and their memory. */
final class Readable {
  private final ByteBuf buffer;
  private final int index;
  private final int length;

  private Readable(ByteBuf buffer) {
    this.buffer = buffer;
    this.index = buffer.readerIndex();
    this.length = buffer.readableBytes();
  }

  static Readable of(ByteBuf buffer) {
    if (buffer.refCnt() == 0) {
      throw new MemoryException(
          "the buffer is released: view it before release(), or retain() it first");
    }
    Readable readable = new Readable(buffer);
    for (ByteBuffer piece : readable.pieces()) {
      requireUsable(
          "the memory of the buffer",
          MemorySegment.ofBuffer(piece)); // Netty would read it by its address
    }
    return readable;
  }

  /** The number of elements of the type in the bytes. */
  long elements(DType type) {
    if (length % type.byteSize() != 0) {
      throw new MemoryException(
          message(
              "the buffer has %d readable bytes, not a multiple of the %d bytes of %s: set its"
                  + " reader and writer index, or take a slice",
              length, type.byteSize(), type));
    }
    return length / type.byteSize();
  }

  /** The memory itself, if it can be viewed as elements of the type. */
  private MemorySegment viewable(DType type) {
    MemorySegment memory = MemorySegment.ofBuffer(whole());
    if (type.byteSize() == 1 || (memory.isNative() && memory.address() % type.byteSize() == 0)) {
      return memory;
    }
    if (memory.isNative()) {
      throw new MemoryException(
          message(
              "the readable bytes begin at address 0x%x, not a multiple of the %d bytes of %s: use"
                  + " copy, or begin them at such a multiple",
              memory.address(), type.byteSize(), type));
    }
    throw new MemoryException(
        message(
            "the buffer is an array of bytes, which need not be aligned to the %d bytes of %s: use"
                + " copy, or a direct buffer",
            type.byteSize(), type));
  }

  /** A tensor over the memory itself, valid as long as the memory is the buffer's. */
  Tensor view(DType type) {
    MemorySegment memory = viewable(type);
    return Tensor.of(memory, type, elements(type))
        .withGuard(BufferMemory.of(buffer, index, memory));
  }

  /** As {@link #view(DType)}, and retains the holder of the memory until the arena is closed. */
  Tensor view(DType type, Arena arena) {
    MemorySegment memory = viewable(type);
    if (!memory.isNative()) {
      throw new MemoryException(
          "the buffer is an array of bytes, which no arena can close: use view without an arena, or"
              + " a direct buffer");
    }
    BufferMemory place = BufferMemory.of(buffer, index, memory);
    ByteBuf holder = place.holder.retain();
    try {
      MemorySegment held =
          MemorySegment.ofAddress(memory.address())
              .reinterpret(length, arena, closed -> holder.release());
      return Tensor.of(memory.isReadOnly() ? held.asReadOnly() : held, type, elements(type))
          .withGuard(place);
    } catch (IllegalStateException | WrongThreadException e) {
      holder.release();
      throw unusable(e);
    }
  }

  /** Copies all bytes, and swaps those of each number if their order is not the machine's. */
  void copyTo(MemorySegment target, DType type, ByteOrder order) {
    ByteBuffer bytes = target.asByteBuffer();
    buffer.getBytes(index, bytes);
    bytes.flip();
    if (order != ByteOrder.nativeOrder()) {
      reverse(bytes, type.byteSize());
    }
  }

  private static void reverse(ByteBuffer numbers, int size) {
    ByteBuffer big = numbers.duplicate().order(ByteOrder.BIG_ENDIAN);
    ByteBuffer little = numbers.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    switch (size) {
      case 2 -> {
        while (big.hasRemaining()) {
          little.putShort(big.getShort());
        }
      }
      case 4 -> {
        while (big.hasRemaining()) {
          little.putInt(big.getInt());
        }
      }
      case 8 -> {
        while (big.hasRemaining()) {
          little.putLong(big.getLong());
        }
      }
      default -> {
        // Elements of one byte have no byte order.
      }
    }
  }

  /** The single {@code ByteBuffer} over all readable bytes. */
  private ByteBuffer whole() {
    if (buffer.nioBufferCount() < 1) {
      throw new MemoryException(
          message("%s does not show its memory: use copy", buffer.getClass().getSimpleName()));
    }
    ByteBuffer[] pieces = pieces();
    if (pieces.length > 1) {
      throw new MemoryException(
          message(
              "the readable bytes lie in %d pieces of memory: use copy, or consolidate() the"
                  + " buffer",
              pieces.length));
    }
    return pieces.length == 0 ? ByteBuffer.allocateDirect(0) : pieces[0];
  }

  /**
   * The {@code ByteBuffer}s over all readable bytes; an empty array if the buffer does not expose
   * them.
   */
  private ByteBuffer[] pieces() {
    return buffer.nioBufferCount() < 1 ? new ByteBuffer[0] : buffer.nioBuffers(index, length);
  }
}
