// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.UnaryOperator;

/**
 * An array of rows in its own memory, with any layout. Every byte outside the elements is junk: a
 * NaN if it is read as a number.
 */
final class Slab {
  private static final byte JUNK = -1;

  final Tensor tensor;
  private final DType type;
  private final MemorySegment memory;
  private final long[] starts;
  private final int[] lengths;
  private final long step;

  private Slab(
      Tensor tensor, DType type, MemorySegment memory, long[] starts, int[] lengths, long step) {
    this.tensor = tensor;
    this.type = type;
    this.memory = memory;
    this.starts = starts;
    this.lengths = lengths;
    this.step = step;
  }

  /**
   * @param axis of the elements of a row; -1: rows of one element
   */
  static Slab of(Arena arena, DType type, Layout layout, long[] sizes, int axis) {
    long[] strides = layout.strides(sizes);
    long last = 0;
    long rows = 1;
    for (int d = 0; d < sizes.length; d++) {
      last += Math.max(sizes[d] - 1, 0) * strides[d];
      rows *= d == axis ? 1 : sizes[d];
    }
    MemorySegment memory = junk(arena, type, layout, last + 1);
    Tensor tensor = Tensor.strided(from(memory, type, layout), type, sizes, strides);
    long[] starts = new long[(int) rows];
    int[] lengths = new int[starts.length];
    long[] index = new long[sizes.length];
    for (int r = 0; r < starts.length; r++) {
      starts[r] = layout.offset();
      lengths[r] = axis < 0 ? 1 : (int) sizes[axis];
      for (int d = 0; d < sizes.length; d++) {
        starts[r] += index[d] * strides[d];
      }
      for (int d = sizes.length - 1; d >= 0; d--) {
        if (d != axis && ++index[d] < sizes[d]) {
          break;
        }
        index[d] = d == axis ? index[d] : 0;
      }
    }
    return new Slab(tensor, type, memory, starts, lengths, axis < 0 ? 0 : strides[axis]);
  }

  /** Ragged rows, one after the other. */
  static Slab ragged(Arena arena, DType type, Layout layout, int[] lengths) {
    long total = 0;
    long step = layout.step() + 1L;
    long[] starts = new long[lengths.length];
    for (int r = 0; r < lengths.length; r++) {
      starts[r] = layout.offset() + total * step;
      total += lengths[r];
    }
    MemorySegment memory = junk(arena, type, layout, Math.max(total * step, 1));
    MemorySegment from = from(memory, type, layout);
    Tensor tensor = Tensor.strided(from, type, new long[] {total}, new long[] {step});
    return new Slab(tensor, type, memory, starts, lengths, step);
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
  Slab seenAs(UnaryOperator<Tensor> other) {
    return new Slab(other.apply(tensor), type, memory, starts, lengths, step);
  }

  /** A copy of all of its memory. */
  byte[] bytes() {
    return memory.toArray(ValueLayout.JAVA_BYTE);
  }

  Slab put(int row, double... values) {
    for (int k = 0; k < values.length; k++) {
      Numbers.put(memory, type, starts[row] + k * step, values[k]);
    }
    return this;
  }

  Slab put(double[][] rows) {
    for (int r = 0; r < rows.length; r++) {
      put(r, rows[r]);
    }
    return this;
  }

  /** One number per row. */
  Slab putEach(double[] values) {
    for (int r = 0; r < values.length; r++) {
      put(r, values[r]);
    }
    return this;
  }

  Slab put(int row, long[] values) {
    for (int k = 0; k < values.length; k++) {
      Numbers.putBits(memory, type, starts[row] + k * step, values[k]);
    }
    return this;
  }

  /** Returns all elements and sets them to junk; the bytes between them must be junk already. */
  Output take() {
    int n = 0;
    for (int length : lengths) {
      n += length;
    }
    long[] bits = new long[n];
    int i = 0;
    for (int r = 0; r < starts.length; r++) {
      for (int k = 0; k < lengths[r]; k++) {
        bits[i++] = Numbers.bits(memory, type, starts[r] + k * step);
        Numbers.putBits(memory, type, starts[r] + k * step, JUNK);
      }
    }
    assertUntouched();
    return new Output(type, bits);
  }

  /** Fails if anything was written. */
  void assertUntouched() {
    MemorySegment junk = MemorySegment.ofArray(new byte[(int) memory.byteSize()]).fill(JUNK);
    assertThat(memory.mismatch(junk))
        .as("first byte beside elements of %s written", tensor)
        .isEqualTo(-1);
  }
}
