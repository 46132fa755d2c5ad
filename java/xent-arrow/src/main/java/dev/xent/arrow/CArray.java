// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.DType;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/**
 * A {@code struct ArrowArray} of the C Data Interface. It is read once, and invalid fields are
 * rejected before any value is read.
 */
final class CArray {
  private static final long SIZE = 80;
  private static final long LENGTH = 0;
  private static final long NULL_COUNT = 8;
  private static final long OFFSET = 16;
  private static final long BUFFER_COUNT = 24;
  private static final long CHILD_COUNT = 32;
  private static final long BUFFERS = 40;
  private static final long CHILDREN = 48;
  private static final long DICTIONARY = 56;
  private static final long RELEASE = 64;

  /** A limit above any number of values in memory, and small enough that sums do not overflow. */
  private static final long MOST = 1L << 62;

  private final String name;
  private final long address;
  private final long length;
  private final long nullCount;
  private final long offset;
  private final long bufferCount;
  private final long childCount;
  private final long buffers;
  private final long children;
  private final long dictionary;

  CArray(long address) {
    this("the array", address);
  }

  private CArray(String name, long address) {
    MemorySegment struct = CMemory.struct(name, "ArrowArray", address, SIZE);
    this.name = name;
    this.address = address;
    length = number(struct, LENGTH);
    nullCount = number(struct, NULL_COUNT);
    offset = number(struct, OFFSET);
    bufferCount = number(struct, BUFFER_COUNT);
    childCount = number(struct, CHILD_COUNT);
    buffers = number(struct, BUFFERS);
    children = number(struct, CHILDREN);
    dictionary = number(struct, DICTIONARY);
    if (number(struct, RELEASE) == 0) {
      throw new MemoryException(
          String.format(
              Locale.ROOT, "%s is released or was moved; expected one that is not", name));
    }
    if (length < 0 || offset < 0 || offset > MOST || length > MOST - offset) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has length %d and offset %d: both are 0 or more and together at most 2^62, let its producer set them",
              name,
              length,
              offset));
    }
    if (nullCount < -1 || nullCount > length) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has length %d and %d nulls: let its producer count them, or say -1 for not counted",
              name,
              length,
              nullCount));
    }
  }

  private static long number(MemorySegment struct, long offset) {
    return struct.get(ValueLayout.JAVA_LONG, offset);
  }

  long length() {
    return length;
  }

  /** The number of values in the buffers before the first value of the array. */
  long offset() {
    return offset;
  }

  /** The array of the values of lists. */
  CArray child() {
    requireChildren(1);
    return new CArray("the child array", CMemory.pointer(name, "children", 1, children, 0));
  }

  /**
   * Rejects a dictionary, and a number of children that differs from the schema's. The caller has
   * checked the schema for the same.
   */
  void requireChildren(int count) {
    if (dictionary != 0) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has a dictionary, its schema none; expected an array and its schema of one export",
              name));
    }
    if (childCount != count) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has %d children, its schema %d; expected an array and its schema of one export",
              name,
              childCount,
              count));
    }
  }

  /** Rejects lists that end after the last of their values; {@code end} excludes the offset. */
  void requireValues(long end) {
    if (end > length) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "the lists go up to value %d, the array of their values has length %d: let their producer set these",
              end,
              length));
    }
  }

  /** The address of buffer {@code index}; throws unless the array has {@code count} buffers. */
  private long buffer(int index, int count) {
    if (bufferCount != count) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has %d buffers, its schema %d; expected an array and its schema of one export",
              name,
              bufferCount,
              count));
    }
    return CMemory.pointer(name, "buffers", count, buffers, index);
  }

  /**
   * Elements of the second buffer, counted from its beginning: without the offset of the array.
   *
   * @param what names the elements in the message
   */
  MemorySegment elements(String what, DType type, long from, long count) {
    long buffer = buffer(1, 2);
    if (count == 0) {
      return MemorySegment.NULL.asReadOnly();
    }
    int size = type.byteSize();
    return CMemory.array(name, what, from + count, buffer, size).asSlice(from * size, count * size);
  }

  /**
   * Rejects nulls among values {@code from} to {@code to}, counted from the beginning of the
   * buffers: without the offset of the array.
   *
   * @param buffers number of buffers of this array
   * @param what names the counted items in the message
   * @param origin value number of the first counted item
   * @param each number of values per counted item
   */
  void requireNoNulls(int buffers, String what, long origin, long from, long to, long each) {
    long bitmap = buffer(0, buffers);
    if (nullCount > 0 && bitmap == 0) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has %d nulls and no bitmap of them: let its producer set the address",
              name,
              nullCount));
    }
    if (bitmap == 0 || from == to) {
      return;
    }
    MemorySegment bits = CMemory.array(name, "bytes of a bitmap", Validity.bytes(to), bitmap, 1);
    long nullAt = Validity.firstNull(bits, from, to);
    if (nullAt >= 0) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s %d of the array %s null, and a tensor has no nulls: let their producer fill them",
              what,
              (nullAt - origin) / each,
              each == 1 ? "is" : "has a"));
    }
    if (nullCount > 0 && to - from == length) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has %d nulls, its bitmap none: let its producer count them, or say -1 for not counted",
              name,
              nullCount));
    }
  }

  /** Moves the array to a new struct, which is released when the arena is closed. */
  void moveTo(Arena arena) {
    MemorySegment struct = MemorySegment.ofAddress(address).reinterpret(SIZE);
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
              + "; pass an open arena that is shared or confined to this thread",
          e);
    }
    struct.set(ValueLayout.JAVA_LONG, RELEASE, 0);
  }
}
