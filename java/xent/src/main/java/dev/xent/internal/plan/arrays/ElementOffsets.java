// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

/** Iterates over the offsets of a view's elements in row-major order of their indices. */
final class ElementOffsets {
  private final long[] shape;
  private final long[] strides;
  private final long[] index;
  private long offset;

  ElementOffsets(View view) {
    shape = view.shape;
    strides = view.strides;
    index = new long[shape.length];
  }

  /** The offset of the next element; the first call returns the offset of the first element. */
  long next() {
    long current = offset;
    for (int d = shape.length - 1; d >= 0; d--) {
      offset += strides[d];
      if (++index[d] < shape[d]) {
        break;
      }
      offset -= shape[d] * strides[d];
      index[d] = 0;
    }
    return current;
  }
}
