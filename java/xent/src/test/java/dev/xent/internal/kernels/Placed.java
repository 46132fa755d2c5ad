// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/**
 * An array of a {@link RandomCall} in its own memory, with another layout. Every byte outside the
 * elements is junk: a NaN if it is read as a number.
 */
final class Placed {
  private static final byte JUNK = -1;

  Tensor tensor;
  private final MemorySegment memory;
  private final int size;
  private final long[] starts;
  private final long[] lengths;
  private final long step;
  private byte[] before;

  private Placed(
      Tensor tensor, MemorySegment memory, int size, long[] starts, long[] lengths, long step) {
    this.tensor = tensor;
    this.memory = memory;
    this.size = size;
    this.starts = starts;
    this.lengths = lengths;
    this.step = step;
  }

  /**
   * Rows along an axis.
   *
   * @param axis of the elements of a row; -1: rows of one element
   * @param spread whether all rows are one
   */
  static Placed of(Arena arena, DType type, Layout layout, long[] sizes, int axis, boolean spread) {
    long[] strides = layout.strides(sizes);
    int rows = 1;
    long last = 0;
    for (int d = 0; d < sizes.length; d++) {
      if (d != axis) {
        rows *= (int) sizes[d];
        strides[d] = spread ? 0 : strides[d];
      }
      last += Math.max(sizes[d] - 1, 0) * strides[d];
    }
    MemorySegment memory = junk(arena, type, layout, last + 1);
    long[] starts = new long[rows];
    long[] lengths = new long[rows];
    long[] index = new long[sizes.length];
    for (int r = 0; r < rows; r++) {
      starts[r] = layout.offset();
      lengths[r] = axis < 0 ? 1 : sizes[axis];
      for (int d = 0; d < sizes.length; d++) {
        starts[r] += index[d] * strides[d];
      }
      for (int d = sizes.length - 1; d >= 0; d--) {
        if (d != axis && ++index[d] < sizes[d]) {
          break;
        }
        index[d] = 0;
      }
    }
    return new Placed(
        Tensor.strided(from(memory, type, layout), type, sizes, strides),
        memory,
        type.byteSize(),
        starts,
        lengths,
        axis < 0 ? 0 : strides[axis]);
  }

  /** Ragged rows, one after the other. */
  static Placed ragged(Arena arena, DType type, Layout layout, long[] offsets) {
    long step = layout.step() + 1L;
    long[] starts = new long[offsets.length - 1];
    long[] lengths = new long[starts.length];
    for (int r = 0; r < starts.length; r++) {
      starts[r] = layout.offset() + offsets[r] * step;
      lengths[r] = offsets[r + 1] - offsets[r];
    }
    long total = offsets[starts.length];
    MemorySegment memory = junk(arena, type, layout, Math.max(total * step, 1));
    Tensor tensor =
        Tensor.strided(from(memory, type, layout), type, new long[] {total}, new long[] {step});
    return new Placed(tensor, memory, type.byteSize(), starts, lengths, step);
  }

  private static MemorySegment from(MemorySegment memory, DType type, Layout layout) {
    return memory.asSlice((long) layout.offset() * type.byteSize());
  }

  private static MemorySegment junk(Arena arena, DType type, Layout layout, long elements) {
    int n = Math.toIntExact(layout.offset() + elements);
    MemorySegment memory =
        !layout.heap()
            ? arena.allocate((long) n * type.byteSize(), 64)
            : switch (type) {
              case F32 -> MemorySegment.ofArray(new float[n]);
              case F64 -> MemorySegment.ofArray(new double[n]);
              case F16, BF16, I16, U16 -> MemorySegment.ofArray(new short[n]);
              case I32, U32 -> MemorySegment.ofArray(new int[n]);
              case I64, U64 -> MemorySegment.ofArray(new long[n]);
              case I8, U8 -> MemorySegment.ofArray(new byte[n]);
            };
    return memory.fill(JUNK);
  }

  /** The same memory under another tensor. */
  void seenAs(UnaryOperator<Tensor> other) {
    tensor = other.apply(tensor);
  }

  /** Takes the elements of an array of a call. */
  Placed put(RandomCall call, Array array) {
    Form form = call.form(call.rules.get(array));
    MemorySegment from = call.arrays.get(array);
    if (from == null) { // an array without elements
      assertThat(Arrays.stream(lengths).sum()).isZero();
      return this;
    }
    long stepOfCall = call.step(array, form);
    for (int row = 0; row < starts.length; row++) {
      long first = call.at(array, form, row);
      if (step == 1 && stepOfCall == 1) {
        MemorySegment.copy(from, first * size, memory, starts[row] * size, lengths[row] * size);
        continue;
      }
      for (long k = 0; k < lengths[row]; k++) {
        MemorySegment.copy(
            from, (first + k * stepOfCall) * size, memory, (starts[row] + k * step) * size, size);
      }
    }
    return this;
  }

  /** The elements of an array of a call, row after row. */
  static byte[] elements(RandomCall call, Array array, MemorySegment from) {
    Form form = call.form(call.rules.get(array));
    long step = call.step(array, form);
    int size = call.typeOf(array).byteSize();
    long count = 0;
    for (long row = 0; row < call.rowsOf(form); row++) {
      count += call.length(form, row);
    }
    byte[] bytes = new byte[Math.toIntExact(count * size)];
    int at = 0;
    for (long row = 0; row < call.rowsOf(form); row++) {
      long first = call.at(array, form, row);
      for (long k = 0; k < call.length(form, row); k++, at += size) {
        MemorySegment.copy(from, ValueLayout.JAVA_BYTE, (first + k * step) * size, bytes, at, size);
      }
    }
    return bytes;
  }

  /** Keeps what the memory holds. */
  void keep() {
    before = memory.toArray(ValueLayout.JAVA_BYTE);
  }

  boolean isAsBefore() {
    return Arrays.equals(before, memory.toArray(ValueLayout.JAVA_BYTE));
  }

  /** Returns all elements and sets them to junk; the bytes between them must be junk already. */
  byte[] take() {
    byte[] bytes = new byte[Math.toIntExact(Arrays.stream(lengths).sum() * size)];
    int at = 0;
    for (int row = 0; row < starts.length; row++) {
      long together = step == 1 ? lengths[row] : 1;
      int length = (int) together * size;
      for (long k = 0; k < lengths[row]; k += together, at += length) {
        long from = (starts[row] + k * step) * size;
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, from, bytes, at, length);
        memory.asSlice(from, length).fill(JUNK);
      }
    }
    byte[] rest = new byte[(int) memory.byteSize()];
    Arrays.fill(rest, JUNK);
    assertThat(memory.mismatch(MemorySegment.ofArray(rest)))
        .as("first byte beside elements of %s written", tensor)
        .isEqualTo(-1);
    return bytes;
  }
}
