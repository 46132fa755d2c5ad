// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One array of a call: the view, and how it lies in memory under the three strides of the kernels.
 */
final class Part {
  /** Enough for a type's code and one more. */
  private static final int SIGNATURE_BITS = 5;

  /** What messages call it. */
  final String name;

  /** Its place among the parts of a call. */
  final int index;

  /** Its xent_layout inside the call's xent_shape. */
  private final MemorySegment layout;

  /** Null when the call does without it. */
  @Nullable View view;

  // Storing references takes time in every short call, and most need neither of these.

  /** The memory of the whole view as this thread may use it; null: as the view has it. */
  private @Nullable MemorySegment base;

  /** The piece of it that is worked on; null: all of it. */
  private @Nullable MemorySegment piece;

  /** One number per row; else one per row and class. */
  boolean perRow;

  /** The dimensions of its shape are those of the call without the class axis. */
  private boolean withoutAxis;

  long outer;
  long classes;
  long inner;

  /** Its strides in the groups of dimensions that {@link Call} found. */
  long[] groups = new long[Call.USUAL_RANK];

  // What the layout says.
  private long writtenOuter;
  private long writtenClasses;
  private long writtenInner;
  private int writtenType;

  Part(int index, String name, MemorySegment layout) {
    this.index = index;
    this.name = name;
    this.layout = layout;
  }

  void take(View newView, boolean onePerRow, int callRank) {
    view = newView;
    perRow = onePerRow;
    withoutAxis = onePerRow && newView.rank() != callRank;
  }

  /** From now on as in the call of another thread, which waits until this part is released. */
  void follow(Part other, int groupCount) {
    view = other.view;
    perRow = other.perRow;
    withoutAxis = other.withoutAxis;
    outer = other.outer;
    classes = other.classes;
    inner = other.inner;
    System.arraycopy(other.groups, 0, groups, 0, groupCount);
    base = Memory.accessible(other.base());
    piece = other.piece == null ? null : Memory.accessible(other.piece);
  }

  void release() {
    view = null;
    if (base != null) {
      base = null;
    }
    if (piece != null) {
      piece = null;
    }
  }

  /** What of this part, beside the sizes of the call, the layout of an array without gaps is. */
  long signature() {
    return (view.type.code() << 1 | (perRow ? 1L : 0L)) << index * SIGNATURE_BITS;
  }

  /** What the kernels get: NULL when absent, else the view or the piece of it that is worked on. */
  MemorySegment segment() {
    if (view == null) {
      return MemorySegment.NULL;
    }
    return piece == null ? base() : piece;
  }

  private MemorySegment base() {
    return base == null ? view.segment : base;
  }

  /** From now on what is worked on begins so many elements behind the first one of the view. */
  void enter(long offset) {
    piece = base().asSlice(offset * view.type.byteSize());
  }

  /** The stride of a dimension of the call. */
  long stride(int dimension, int axis) {
    return view.strides[withoutAxis && dimension > axis ? dimension - 1 : dimension];
  }

  /** Brings the layout in the struct up to date; most calls are like the one before. */
  void write() {
    if (view == null) {
      if (writtenType != XentH.XENT_NO_TYPE()) {
        layout.fill((byte) 0);
        writtenType = XentH.XENT_NO_TYPE();
      }
      return;
    }
    int type = view.type.code();
    if (type != writtenType
        || outer != writtenOuter
        || classes != writtenClasses
        || inner != writtenInner) {
      xent_layout.outer(layout, outer);
      xent_layout.classes(layout, classes);
      xent_layout.inner(layout, inner);
      xent_layout.type(layout, type);
      writtenOuter = outer;
      writtenClasses = classes;
      writtenInner = inner;
      writtenType = type;
    }
  }
}
