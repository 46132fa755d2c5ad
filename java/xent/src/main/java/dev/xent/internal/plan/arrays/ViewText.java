// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import dev.xent.errors.MemoryException;
import dev.xent.internal.kernels.ElementType;
import java.lang.ref.Reference;

/** The text of a tensor with its values; of a large one the first and last along each axis. */
final class ViewText {
  /** The size up to which a tensor shows all values. */
  private static final int ALL = 100;

  private static final int EDGE = 3;

  /** The most values that are shown. */
  private static final int MOST = 1000;

  private final View view;
  private final StringBuilder text;

  /** How many indices of each end of an axis are shown, if the axis has more than twice that. */
  private final long edge;

  private ViewText(View view, long edge) {
    this.view = view;
    this.edge = edge;
    this.text = new StringBuilder(view.described()).append(view.rank() == 1 ? ' ' : '\n');
  }

  /** The text; a description and the reason if the memory cannot be read now. */
  static String of(View view) {
    long edge = edge(view.shape);
    String unreadable = unreadable(view);
    if (edge == 0 || !unreadable.isEmpty()) {
      return view.describe() + unreadable;
    }
    ViewText text = new ViewText(view, edge);
    try {
      text.append(0, 0);
      return text.text.toString();
    } catch (MemoryException e) { // another thread has closed it meanwhile
      return view.describe() + unreadable(view);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /** Why the memory cannot be read; empty if it can. */
  private static String unreadable(View view) {
    if (!Memory.isAccessible(view)) {
      boolean open = view.segment.scope().isAlive();
      return open ? ", in an arena of another thread" : ", in a closed arena";
    }
    return view.guard != null && view.guard.get() != null ? ", taken back by its owner" : "";
  }

  /** The number of indices to show of each end; 0 if even one of each is too much. */
  private static long edge(long[] shape) {
    if (shown(shape, ALL) <= ALL) {
      return ALL;
    }
    long edge = EDGE;
    while (edge > 0 && shown(shape, edge) > MOST) {
      edge--;
    }
    return edge;
  }

  /** How many values are shown, or more than {@link #MOST}; an axis of size 0 counts as 1. */
  private static long shown(long[] shape, long edge) {
    long count = 1;
    for (int axis = 0; axis < shape.length && count <= MOST; axis++) {
      count *= Math.max(1, Math.min(shape[axis], 2 * edge));
    }
    return count;
  }

  private void append(int axis, long offset) {
    long size = view.shape[axis];
    boolean last = axis == view.rank() - 1;
    text.append('[');
    for (long i = 0; i < size; i++) {
      if (i > 0) {
        separate(axis, last);
      }
      if (i == edge && size > 2 * edge) {
        text.append("...");
        separate(axis, last);
        i = size - edge;
      }
      long at = offset + i * view.strides[axis];
      if (last) {
        text.append(element(at));
      } else {
        append(axis + 1, at);
      }
    }
    text.append(']');
  }

  private void separate(int axis, boolean last) {
    text.append(last ? ", " : ",\n");
    if (!last) {
      text.append(" ".repeat(axis + 1));
    }
  }

  private String element(long offset) {
    if (view.type == ElementType.F64) {
      return Double.toString(Memory.getDouble(view, offset));
    }
    if (view.type.isFloat()) {
      return Float.toString(Memory.getFloat(view, offset));
    }
    long value = Memory.getLong(view, offset);
    return view.type.isUnsigned() ? Long.toUnsignedString(value) : Long.toString(value);
  }
}
