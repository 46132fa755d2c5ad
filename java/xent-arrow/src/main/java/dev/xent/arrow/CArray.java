// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.DType;
import dev.xent.MemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A {@code struct ArrowArray} of the C Data Interface. */
final class CArray {
  private static final long SIZE = 80;
  private static final long LENGTH = 0;
  private static final long NULL_COUNT = 8;
  private static final long OFFSET = 16;
  private static final long BUFFER_COUNT = 24;
  private static final long CHILD_COUNT = 32;
  private static final long BUFFERS = 40;
  private static final long CHILDREN = 48;
  private static final long RELEASE = 64;

  private final MemorySegment struct;

  CArray(long address) {
    if (address == 0) {
      throw new MemoryException("the array has address 0: give that of a struct ArrowArray");
    }
    struct = MemorySegment.ofAddress(address).reinterpret(SIZE);
    if (number(RELEASE) == 0) {
      throw new MemoryException("the array is released or was moved: give one that is not");
    }
    if (length() < 0 || offset() < 0) {
      throw new MemoryException(
          "the array has length %d and offset %d: both are 0 or more, let its producer set them"
              .formatted(length(), offset()));
    }
  }

  private long number(long offset) {
    return struct.get(ValueLayout.JAVA_LONG, offset);
  }

  long length() {
    return number(LENGTH);
  }

  /** How many values lie before the first one. */
  long offset() {
    return number(OFFSET);
  }

  CArray child() {
    if (number(CHILD_COUNT) != 1) {
      throw new MemoryException(
          "the array has %d children, its schema 1: give those of one export"
              .formatted(number(CHILD_COUNT)));
    }
    MemorySegment children = MemorySegment.ofAddress(number(CHILDREN)).reinterpret(8);
    return new CArray(children.get(ValueLayout.JAVA_LONG, 0));
  }

  /** The address of one of so many buffers. */
  private long buffer(int index, int count) {
    if (number(BUFFER_COUNT) != count) {
      throw new MemoryException(
          "the array has %d buffers, its schema %d: give those of one export"
              .formatted(number(BUFFER_COUNT), count));
    }
    MemorySegment buffers = MemorySegment.ofAddress(number(BUFFERS)).reinterpret(8L * count);
    return buffers.getAtIndex(ValueLayout.JAVA_LONG, index);
  }

  /** Values of the second buffer, counted from its beginning: without the offset of the array. */
  MemorySegment values(DType type, long from, long count) {
    long buffer = buffer(1, 2);
    if (buffer == 0 && count > 0) {
      throw new MemoryException(
          "the array has %d values and no buffer of them: let its producer set the address"
              .formatted(count));
    }
    long address = count == 0 ? 0 : buffer + from * type.byteSize();
    MemorySegment memory =
        MemorySegment.ofAddress(address).reinterpret(count * type.byteSize()).asReadOnly();
    if (memory.maxByteAlignment() < type.byteSize()) {
      throw new MemoryException(
          "the values begin at address 0x%x, not a multiple of the %d bytes of %s: let their producer align them"
              .formatted(address, type.byteSize(), type));
    }
    return memory;
  }

  /**
   * Refuses nulls among values, counted without the offset of the array.
   *
   * @param buffers how many this array has
   * @param what they are, for the message
   * @param origin the number of the value that the message counts from
   * @param each how many values are one of what the message counts
   */
  void requireNoNulls(int buffers, String what, long origin, long from, long to, long each) {
    long bitmap = buffer(0, buffers);
    if (number(NULL_COUNT) == 0 || bitmap == 0 || from == to) {
      return;
    }
    MemorySegment bits = MemorySegment.ofAddress(bitmap).reinterpret(Validity.bytes(to));
    long nullAt = Validity.firstNull(bits, from, to);
    if (nullAt >= 0) {
      throw new MemoryException(
          "%s %d of the array %s null, and a tensor has no nulls: let their producer fill them"
              .formatted(what, (nullAt - origin) / each, each == 1 ? "is" : "has a"));
    }
  }

  /** Takes the array over: it is another struct from now on, released when the arena is closed. */
  void moveTo(Arena arena) {
    MemorySegment moved = Arena.ofAuto().allocate(SIZE, ValueLayout.JAVA_LONG.byteSize());
    moved.copyFrom(struct);
    try {
      MemorySegment.ofAddress(moved.address())
          .reinterpret(
              SIZE,
              arena,
              closed -> CRelease.call(moved, moved.get(ValueLayout.JAVA_LONG, RELEASE)));
    } catch (IllegalStateException | WrongThreadException e) {
      throw new MemoryException(
          "the arena cannot be used: "
              + e.getMessage()
              + "; give one that is open, and shared or of this thread",
          e);
    }
    struct.set(ValueLayout.JAVA_LONG, RELEASE, 0);
  }
}
