// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static dev.xent.internal.adapter.Sharing.unusable;

import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Copies elements of any strides, including negative strides and unaligned addresses. */
final class Elements {
  private final DlpackView lent;
  private final MemorySegment from;
  private final MemorySegment to;
  private final int size;
  private long copied;

  private Elements(DlpackView lent, MemorySegment to) {
    this.lent = lent;
    this.from = lent.memory();
    this.to = to;
    this.size = lent.type().byteSize();
  }

  /** A row-major tensor of the same elements. */
  static Tensor copy(DlpackView lent, Arena arena) {
    try {
      Tensor tensor = Tensor.allocate(arena, lent.type(), lent.tensorShape());
      if (lent.span() > 0) {
        new Elements(lent, tensor.segment()).copy(0, -lent.first());
      }
      return tensor;
    } catch (IllegalStateException | WrongThreadException e) {
      throw unusable(e);
    }
  }

  /**
   * Copies the elements from axis {@code axis} inwards, at {@code offset} elements from the first.
   */
  private void copy(int axis, long offset) {
    if (axis == lent.shape().length) {
      MemorySegment.copy(from, offset * size, to, copied * size, size);
      copied++;
      return;
    }
    long count = lent.shape()[axis];
    long stride = lent.strides()[axis];
    if (axis == lent.shape().length - 1 && stride == 1) {
      MemorySegment.copy(from, offset * size, to, copied * size, count * size);
      copied += count;
      return;
    }
    for (long i = 0; i < count; i++) {
      copy(axis + 1, offset + i * stride);
    }
  }
}
