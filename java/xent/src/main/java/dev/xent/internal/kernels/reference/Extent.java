// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** How far the strided elements of an array reach, over its two or three axes. */
final class Extent {
  private static final long TOO_FAR = -1;

  private final long[] sizes = new long[3];
  private final long[] strides = new long[3];
  private int axes;

  void set(Call call, ArrayArgument array) {
    Shape shape = call.shape;
    Layout layout = array.layout;
    boolean perClass = !array.perRow && array.entries == 0;
    axes = 0;
    if (call.ragged && perClass) {
      add(call.raggedElements, layout.classes);
      return;
    }
    add(shape.outer, layout.outer);
    if (array.entries != 0) {
      add(array.entries, layout.classes);
    } else if (perClass) {
      add(shape.classes, layout.classes);
    }
    add(shape.inner, layout.inner);
  }

  private void add(long size, long stride) {
    sizes[axes] = size;
    strides[axes] = stride;
    axes++;
  }

  /** Bytes from the first to behind the last element; negative where 64 bits do not hold them. */
  long bytes(int elementSize) {
    long last = 0;
    for (int i = 0; i < axes; i++) {
      if (sizes[i] == 0) {
        return 0;
      }
      last = sum(last, product(sizes[i] - 1, strides[i]));
      if (last == TOO_FAR) {
        return TOO_FAR;
      }
    }
    return product(sum(last, 1), elementSize);
  }

  private static long product(long a, long b) {
    long low = a * b;
    return a < 0 || low < 0 || Math.multiplyHigh(a, b) != 0 ? TOO_FAR : low;
  }

  private static long sum(long a, long b) {
    return b == TOO_FAR || a + b < 0 ? TOO_FAR : a + b;
  }

  /** Whether no two elements share a place: every stride steps over all that smaller ones reach. */
  boolean isApart() {
    sortByStride();
    long reached = 0;
    for (int i = 0; i < axes; i++) {
      if (sizes[i] <= 1) {
        continue;
      }
      if (strides[i] <= reached) {
        return false;
      }
      reached += (sizes[i] - 1) * strides[i];
    }
    return true;
  }

  private void sortByStride() {
    for (int i = 1; i < axes; i++) {
      for (int j = i; j > 0 && strides[j] < strides[j - 1]; j--) {
        swap(sizes, j);
        swap(strides, j);
      }
    }
  }

  private static void swap(long[] values, int j) {
    long value = values[j];
    values[j] = values[j - 1];
    values[j - 1] = value;
  }
}
