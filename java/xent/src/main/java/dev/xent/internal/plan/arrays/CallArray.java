// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Rule;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One array of a call: the view, and its memory layout in the three strides that the kernels use.
 */
public final class CallArray extends Layout {
  /** The number of arrays that come first in the core's order; most calls use no others. */
  static final int USUAL_ARRAYS = 8;

  /** Bits per array in a signature: the code of an element type and one flag. */
  private static final int SIGNATURE_BITS = 5;

  /** The index among the arrays of a call. */
  public final int index;

  /**
   * The position in a signature. The usual arrays have one, and so do log-probabilities, which
   * replace logits.
   */
  private final int place;

  /** The xent_layout inside the xent_shape of the call. */
  private final MemorySegment layout;

  /** Null if the call does not have the array. */
  public @Nullable View view;

  // Most short calls need neither of these fields, and storing a reference takes time.

  /** The memory of the whole view as this thread may use it; null: the view's own segment. */
  private @Nullable MemorySegment base;

  /** Whether that is a copy of the view. */
  private boolean copied;

  /** The piece that the call currently works on; null: the whole memory. */
  private @Nullable MemorySegment piece;

  // The current contents of the layout.
  private long writtenOuter;
  private long writtenClasses;
  private long writtenInner;
  private int writtenType;

  public CallArray(int index, String name, @Nullable Array id, MemorySegment layout) {
    super(id);
    this.index = index;
    this.place = index == Array.LAYOUTS ? USUAL_ARRAYS : index < USUAL_ARRAYS ? index : index + 1;
    this.name = name;
    this.layout = layout;
  }

  /**
   * Whether the elements are unsigned 64-bit integers: a negative label then stands for a number
   * that exceeds a long, which is never the ignore index. A repeated call has no views; the layout
   * then has the type.
   */
  public boolean isU64() {
    return view == null ? writtenType == XentH.XENT_U64() : view.type == ElementType.U64;
  }

  /** The type of labels, for messages. */
  public ElementType typeOfLabels() {
    return isU64() ? ElementType.U64 : type;
  }

  public void take(View newView, Rule newRule, Kind newKind, int callRank) {
    view = newView;
    take(newView, newRule, newKind, callRank, 0);
  }

  /** Takes an array with one number per index of an axis. */
  public void takeAlong(View newView, Rule newRule, int newAlong) {
    view = newView;
    take(newView, newRule, Kind.ALONG, 0, newAlong);
  }

  /**
   * Copies the state of the same array in another thread's call. That thread waits until this one
   * is released.
   */
  public void follow(CallArray other, int groupCount) {
    view = other.view;
    takeFrom(other);
    outer = other.outer;
    classes = other.classes;
    inner = other.inner;
    reserveGroups(groupCount);
    System.arraycopy(other.groups, 0, groups, 0, groupCount);
    base = Memory.accessible(other.base());
    copied = other.copied;
    piece = other.piece == null ? null : Memory.accessible(other.piece);
  }

  public void release() {
    view = null;
    if (base != null) {
      base = null;
      copied = false;
    }
    if (piece != null) {
      piece = null;
    }
  }

  /** Makes the kernels use a copy of the whole view, in memory that lasts until the call ends. */
  public void useCopy(MemorySegment copy) {
    base = copy;
    copied = true;
  }

  /** Whether the call has the array and writes it. */
  @Override
  public boolean isWritten() {
    return view != null && super.isWritten();
  }

  /**
   * The properties of this array, in addition to the sizes of the call, that fix the layout of a
   * contiguous array.
   */
  public long signature() {
    return (view.type.number() << 1 | (kind == Kind.ROWS ? 1L : 0L)) << place * SIGNATURE_BITS;
  }

  /** Whether the array is used only by calls with non-default options. */
  public boolean isUnusual() {
    return place > USUAL_ARRAYS;
  }

  /** The memory that the kernels get: NULL if absent, else the view or its current piece. */
  public MemorySegment segment() {
    if (view == null) {
      return MemorySegment.NULL;
    }
    return piece == null ? base() : piece;
  }

  private MemorySegment base() {
    return base == null ? view.segment : base;
  }

  /** Passes the array to a kernel that takes it. */
  public void offer(FunctionCall kernel) {
    if (id != null) {
      // A thread that works for another one cannot lose the memory, as that thread waits.
      boolean held =
          copied || view.everOpen || (view.isHeld() && (base != null || Memory.isAccessible(view)));
      kernel.offer(id, segment(), copied ? null : view.array, held);
    }
  }

  /**
   * Sets the current piece to begin {@code offset} elements after the first element of the view.
   */
  void enter(long offset) {
    piece = base().asSlice(offset * view.type.byteSize());
  }

  /** Writes the element type of an absent array to the layout; called after {@link #write()}. */
  public void writeType(ElementType newType) {
    if (writtenType != newType.number()) {
      xent_layout.type(layout, newType.number());
      writtenType = newType.number();
      writtenOuter = 0;
      writtenClasses = 0;
      writtenInner = 0;
    }
  }

  /** Writes the layout of contiguous rows of floats; called after {@link #write()}. */
  public void writeRows(long numbers, long innerRows) {
    writtenOuter = innerRows * numbers;
    writtenClasses = 1;
    writtenInner = numbers;
    writtenType = XentH.XENT_F32();
    xent_layout.outer(layout, writtenOuter);
    xent_layout.classes(layout, writtenClasses);
    xent_layout.inner(layout, writtenInner);
    xent_layout.type(layout, writtenType);
  }

  /** The number of a row of the current piece, in an array with one number per row. */
  public double number(Pieces pieces, long row) {
    return storedType().get(segment(), at(pieces, row));
  }

  /** Writes the number of a row of the current piece. */
  public void setNumber(Pieces pieces, long row, double value) {
    storedType().set(segment(), at(pieces, row), value);
  }

  /** Updates the layout in the struct. Most calls repeat the layout of the call before. */
  public void write() {
    if (view == null) {
      if (writtenType != XentH.XENT_NO_TYPE()) {
        layout.fill((byte) 0);
        writtenType = XentH.XENT_NO_TYPE();
      }
      return;
    }
    int newType = storedType().number();
    if (newType != writtenType
        || outer != writtenOuter
        || classes != writtenClasses
        || inner != writtenInner) {
      xent_layout.outer(layout, outer);
      xent_layout.classes(layout, classes);
      xent_layout.inner(layout, inner);
      xent_layout.type(layout, newType);
      writtenOuter = outer;
      writtenClasses = classes;
      writtenInner = inner;
      writtenType = newType;
    }
  }
}
