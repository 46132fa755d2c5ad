// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.kernels.Form;
import dev.xent.internal.kernels.Places;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Shape;

/** How far the strided elements of an array reach, over its one to three axes. */
final class Extent {
  private static final long TOO_FAR = -1;

  private final long[] sizes = new long[3];
  private final long[] strides = new long[3];
  private int axes;

  void set(Call call, Form form, Layout layout) {
    Shape shape = call.shape;
    axes = 0;
    if (form == Form.OFFSETS) {
      add(shape.outer == Long.MAX_VALUE ? shape.outer : shape.outer + 1, 1);
    } else if (form == Form.ONE_ROW) {
      add(shape.classes, layout.classes);
    } else if (form == Form.PER_CLASS && call.ragged) {
      add(call.raggedElements, layout.classes);
    } else if (form == Form.OF_CLASSES) {
      add(form.entries(shape.copy.struct), layout.classes);
      add(shape.classes, layout.outer);
    } else {
      add(shape.inner, layout.inner);
      if (form != Form.PER_ROW) {
        add(form.entries(shape.copy.struct), layout.classes);
      }
      add(shape.outer, layout.outer);
    }
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

  /** Whether 64 bits hold the bytes of so many elements, this many apart. */
  static boolean isAddressable(long count, long stride, int elementSize) {
    if (count == 0) {
      return true;
    }
    long elements = sum(1, product(count - 1, stride));
    return elements != TOO_FAR && product(elements, elementSize) != TOO_FAR;
  }

  private static long product(long a, long b) {
    long low = a * b;
    return a < 0 || low < 0 || Math.multiplyHigh(a, b) != 0 ? TOO_FAR : low;
  }

  private static long sum(long a, long b) {
    return b == TOO_FAR || a + b < 0 ? TOO_FAR : a + b;
  }

  /** After {@link #bytes}: whether no two elements share a place. The axes are forgotten. */
  boolean isApart() {
    return Places.areApart(sizes, strides, axes);
  }
}
