// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import dev.xent.MemoryGuard;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The location of a view's bytes, and a check that the bytes still belong to the buffer. A buffer
 * can be released, and a buffer that grows or shrinks moves to other memory even if it is retained.
 */
abstract sealed class BufferMemory implements MemoryGuard {
  private static final String RELEASED =
      "the buffer is released; keep it retained as long as the tensor is used, or view it with an"
          + " arena";
  private static final String CLOSED =
      "the buffer is over memory of an arena that is closed; keep that open as long as the tensor"
          + " is used";
  private static final String LEFT =
      "the buffer has other memory than it had, as when it grows or shrinks; view it again";

  /**
   * The object whose reference count keeps the memory: the buffer itself, or for a composite buffer
   * the component that has the bytes. Components are added and removed together with their memory.
   */
  final ByteBuf holder;

  /**
   * The scope of the memory that the buffer was made over, which no reference count keeps alive.
   */
  private final MemorySegment.Scope scope;

  private BufferMemory(ByteBuf holder, MemorySegment bytes) {
    this.holder = holder;
    scope = bytes.scope();
  }

  /**
   * The place of some bytes of a buffer.
   *
   * @param index of the first byte
   */
  static BufferMemory of(ByteBuf buffer, int index, MemorySegment bytes) {
    BufferMemory place = find(buffer, bytes);
    return place != null ? place : new Asked(buffer, index, bytes);
  }

  private static @Nullable BufferMemory find(ByteBuf holder, MemorySegment bytes) {
    ByteBuf root = holder;
    while (root.unwrap() != null) {
      root = root.unwrap();
    }
    if (root instanceof CompositeByteBuf composite) {
      for (int i = 0; i < composite.numComponents(); i++) {
        BufferMemory place = find(composite.component(i), bytes);
        if (place != null) {
          return place;
        }
      }
      return null;
    }
    boolean shows = root.hasArray() || root.hasMemoryAddress();
    return shows && has(holder, bytes) && has(root, bytes) ? new Shown(holder, root, bytes) : null;
  }

  private static boolean has(ByteBuf buffer, MemorySegment bytes) {
    return buffer.nioBufferCount() == 1 && isWithin(buffer.nioBuffer(0, buffer.capacity()), bytes);
  }

  private static boolean isWithin(ByteBuffer memory, MemorySegment bytes) {
    MemorySegment all = MemorySegment.ofBuffer(memory);
    long before = bytes.address() - all.address(); // in the same array, if in any
    return all.asOverlappingSlice(bytes).isPresent()
        && before >= 0
        && before + bytes.byteSize() <= all.byteSize();
  }

  @Override
  public @Nullable String unavailableReason() {
    if (holder.refCnt() == 0) {
      return RELEASED;
    }
    if (!scope.isAlive()) {
      return CLOSED;
    }
    return isLeft() ? LEFT : null;
  }

  abstract boolean isLeft();

  /** A place in a buffer that exposes its array or its address, as nearly all buffers do. */
  private static final class Shown extends BufferMemory {
    /** The buffer under all slices and duplicates: the only one that grows and shrinks. */
    private final ByteBuf root;

    /** The array of the root, or null. */
    private final byte @Nullable [] array;

    /** The start of the root: an offset into its array, or an address. */
    private final long start;

    /** The capacity of the root that reaches the end of the bytes. */
    private final long needed;

    Shown(ByteBuf holder, ByteBuf root, MemorySegment bytes) {
      super(holder, bytes);
      this.root = root;
      array = root.hasArray() ? root.array() : null;
      start = array == null ? root.memoryAddress() : root.arrayOffset();
      needed = bytes.address() - start + bytes.byteSize();
    }

    @Override
    boolean isLeft() {
      if (root.refCnt() == 0 || root.capacity() < needed) {
        return true;
      }
      return array == null
          ? root.memoryAddress() != start
          : root.array() != array || root.arrayOffset() != start;
    }
  }

  /**
   * A place in a buffer that exposes its memory only as new {@code ByteBuffer}s, which allocates.
   */
  private static final class Asked extends BufferMemory {
    private final int index;
    private final MemorySegment bytes;

    Asked(ByteBuf holder, int index, MemorySegment bytes) {
      super(holder, bytes);
      this.index = index;
      this.bytes = bytes;
    }

    @Override
    boolean isLeft() {
      int length = (int) bytes.byteSize();
      if (length == 0) {
        return false;
      }
      try {
        ByteBuffer[] now = holder.nioBuffers(index, length);
        return now.length != 1 || !isWithin(now[0], bytes);
      } catch (IndexOutOfBoundsException | IllegalStateException e) {
        return true; // something that the buffer is made of has shrunk, or is released
      }
    }
  }
}
