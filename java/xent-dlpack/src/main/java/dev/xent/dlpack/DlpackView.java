// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static dev.xent.dlpack.Layouts.ADDRESS;
import static dev.xent.dlpack.Layouts.BYTE;
import static dev.xent.dlpack.Layouts.INT;
import static dev.xent.dlpack.Layouts.LONG;
import static dev.xent.dlpack.Layouts.SHORT;
import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The contents of a DLTensor, read once and checked before its elements are accessed.
 *
 * @param address of element [0, 0, ...]
 * @param type of an element
 * @param shape sizes of the axes; empty for a single number
 * @param strides in elements; may be negative
 * @param readOnly whether the producer forbids writing
 * @param copied whether the producer made a copy
 * @param first offset in elements of the lowest element from element [0, 0, ...]: 0 or less
 * @param span number of elements from the lowest to the highest address; 0 for an empty tensor
 */
record DlpackView(
    long address,
    DType type,
    long[] shape,
    long[] strides,
    boolean readOnly,
    boolean copied,
    long first,
    long span) {
  /** More axes than any library supports. */
  private static final int MAX_RANK = 64;

  /**
   * Reads a DLTensor.
   *
   * @param tensor the struct
   * @param flags of the managed tensor that contains it
   */
  static DlpackView read(MemorySegment tensor, long flags) {
    Device.requireCpu(tensor.get(INT, Field.DEVICE_TYPE), tensor.get(INT, Field.DEVICE_ID));
    DType type =
        Types.of(
            Byte.toUnsignedInt(tensor.get(BYTE, Field.CODE)),
            Byte.toUnsignedInt(tensor.get(BYTE, Field.BITS)),
            Short.toUnsignedInt(tensor.get(SHORT, Field.LANES)));
    int rank = tensor.get(INT, Field.NDIM);
    if (rank < 0 || rank > MAX_RANK) {
      throw new ShapeException(
          message("the tensor has %d dimensions; expected 0 to %d", rank, MAX_RANK));
    }
    long[] shape = numbers(tensor.get(ADDRESS, Field.SHAPE), rank);
    if (shape == null) {
      throw new ShapeException(
          message(
              "the tensor has %d dimensions and no shape; expected the address of its sizes",
              rank));
    }
    long[] strides = numbers(tensor.get(ADDRESS, Field.STRIDES), rank);
    try {
      return of(
          tensor.get(ADDRESS, Field.DATA).address(),
          tensor.get(LONG, Field.BYTE_OFFSET),
          type,
          shape,
          strides == null ? rowMajor(shape) : strides,
          flags);
    } catch (ArithmeticException tooLarge) {
      throw new ShapeException(
          message(
              "shape %s with strides %s is larger than memory can be: sizes and strides must stay below 2^63 bytes",
              Arrays.toString(shape), strides == null ? "NULL" : Arrays.toString(strides)));
    }
  }

  private static DlpackView of(
      long data, long byteOffset, DType type, long[] shape, long[] strides, long flags) {
    long first = 0;
    long span = 0;
    if (hasElements(shape)) {
      long last = 0;
      for (int d = 0; d < shape.length; d++) {
        long reach = Math.multiplyExact(shape[d] - 1, strides[d]);
        first = Math.addExact(first, Math.min(reach, 0));
        last = Math.addExact(last, Math.max(reach, 0));
      }
      span = Math.addExact(Math.subtractExact(last, first), 1);
    }
    long bytes = Math.multiplyExact(span, type.byteSize());
    requireMemory(data, byteOffset, first * type.byteSize(), bytes);
    return new DlpackView(
        data + byteOffset,
        type,
        shape,
        strides,
        (flags & Flags.READ_ONLY) != 0,
        (flags & Flags.COPIED) != 0,
        first,
        span);
  }

  private static boolean hasElements(long[] shape) {
    boolean some = true;
    for (long size : shape) {
      if (size < 0) {
        throw new ShapeException(
            message("shape %s has a negative size: sizes are 0 or more", Arrays.toString(shape)));
      }
      some &= size > 0;
    }
    return some;
  }

  /**
   * Rejects elements without an address, and ranges beyond either end of the address space.
   *
   * @param before offset in bytes of the lowest element from element [0, 0, ...]: 0 or less
   * @param bytes from the lowest element on
   */
  private static void requireMemory(long data, long byteOffset, long before, long bytes) {
    long start = data + byteOffset;
    long lowest = start + before;
    boolean wraps =
        Long.compareUnsigned(start, data) < 0
            || Long.compareUnsigned(lowest, start) > 0
            || Long.compareUnsigned(lowest + bytes, lowest) < 0;
    if (bytes > 0 && (data == 0 || wraps)) {
      throw new MemoryException(
          message(
              "the tensor has %d bytes at address 0x%x, %s bytes on; expected the address of its memory",
              bytes, data, Long.toUnsignedString(byteOffset)));
    }
  }

  /**
   * The {@code count} int64_t values at an address; null if the address is NULL and count is not 0.
   */
  private static long @Nullable [] numbers(MemorySegment pointer, int count) {
    if (count == 0) {
      return new long[0];
    }
    return pointer.address() == 0
        ? null
        : MemorySegment.ofAddress(pointer.address())
            .reinterpret((long) count * Long.BYTES)
            .toArray(ValueLayout.JAVA_LONG_UNALIGNED);
  }

  private static long[] rowMajor(long[] shape) {
    long[] strides = new long[shape.length];
    long next = 1;
    for (int d = shape.length - 1; d >= 0; d--) {
      strides[d] = next;
      next = Math.multiplyExact(next, Math.max(shape[d], 1));
    }
    return strides;
  }

  /** Rejects DLTensors that cannot be viewed as a tensor. */
  void requireViewable() {
    if (first < 0) {
      throw new ShapeException(
          message(
              "strides %s go backwards: get the tensor again and copy it with DlpackTensors.copy",
              Arrays.toString(strides)));
    }
    if (span > 0 && address % type.byteSize() != 0) {
      throw new MemoryException(
          message(
              "address 0x%x is not aligned to the %d bytes of %s: get the tensor again and copy it with DlpackTensors.copy",
              address, type.byteSize(), type));
    }
  }

  /** The shape of a tensor over the same memory; a single number has shape [1]. */
  long[] tensorShape() {
    return shape.length == 0 ? new long[] {1} : shape;
  }

  /** The strides of a tensor over the same memory; 0 along axes of size 1 and for empty tensors. */
  long[] tensorStrides() {
    long[] steps = new long[tensorShape().length];
    for (int d = 0; d < shape.length; d++) {
      steps[d] = span > 0 && shape[d] > 1 ? strides[d] : 0;
    }
    return steps;
  }

  /** The memory from the lowest to the highest element; its lifetime is not tracked here. */
  MemorySegment memory() {
    long size = type.byteSize();
    return span == 0
        ? MemorySegment.NULL
        : MemorySegment.ofAddress(address + first * size).reinterpret(span * size);
  }
}
