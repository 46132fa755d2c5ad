// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.Work;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One array of a call: the view, and how it lies in memory under the three strides of the kernels.
 */
public final class CallArray {
  /** What an array has numbers for. */
  public enum Kind {
    /** Every class of every row. */
    CLASSES,
    /** Every row. */
    ROWS,
    /** Some numbers of every row, along the class axis. */
    ENTRIES,
    /** Every class, the same for all rows. */
    CLASS_VECTOR,
    /** Some numbers of every class, the same for all rows. */
    CLASS_ROWS,
    /** Where ragged rows begin. */
    OFFSETS,
    /** Every index of one axis, the same for all others, where every element is a row. */
    ALONG
  }

  /** Ranks up to this need no growing of arrays. */
  static final int USUAL_RANK = 8;

  /** The first arrays, which most calls have no others beside. */
  static final int USUAL_ARRAYS = 8;

  /** Enough for a type's code and one more. */
  private static final int SIGNATURE_BITS = 5;

  /** What messages call it. */
  public final String name;

  /** Where it is among the parts of a call. */
  public final int index;

  /**
   * Where it is in a signature: usual arrays, and log-probabilities in place of logits, have a
   * place.
   */
  private final int place;

  /** What it is among the arrays of the core; null: no kernel may have it. */
  public final @Nullable Array array;

  /** Its xent_layout inside the call's xent_shape. */
  private final MemorySegment layout;

  /** Null when the call does without it. */
  public @Nullable View view;

  // Storing references takes time in every short call, and most need neither of these.

  /** The memory of the whole view as this thread may use it; null: as the view has it. */
  private @Nullable MemorySegment base;

  /** The piece of it that is worked on; null: all of it. */
  private @Nullable MemorySegment piece;

  /** What it may be, as long as there is a view. */
  private Rule rule = Rule.LOGITS;

  private Kind kind = Kind.CLASSES;

  /** The axis of the call that a part of kind ALONG has its numbers for. */
  private int along;

  /** The dimensions of its shape are those of the call without the class axis. */
  private boolean withoutAxis;

  public long outer;
  public long classes;
  public long inner;

  /** Its strides in the groups of dimensions that {@link Pieces} found. */
  long[] groups = new long[USUAL_RANK];

  // What the layout says.
  private long writtenOuter;
  private long writtenClasses;
  private long writtenInner;
  private int writtenType;

  public CallArray(int index, String name, @Nullable Array array, MemorySegment layout) {
    this.index = index;
    this.place = index == Array.LAYOUTS ? USUAL_ARRAYS : index < USUAL_ARRAYS ? index : index + 1;
    this.name = name;
    this.array = array;
    this.layout = layout;
  }

  /** Whether it holds longs without a sign; a call like the one before takes no views. */
  public boolean isU64() {
    return view == null ? writtenType == XentH.XENT_U64() : view.type == ElementType.U64;
  }

  public void take(View newView, Rule newRule, Kind newKind, int callRank) {
    view = newView;
    if (rule != newRule) {
      rule = newRule;
    }
    if (kind != newKind) {
      kind = newKind;
    }
    withoutAxis = newKind == Kind.ROWS && newView.rank() != callRank;
  }

  /** The same, of an array with a number for every index of an axis. */
  public void takeAlong(View newView, Rule newRule, int newAlong) {
    take(newView, newRule, Kind.ALONG, 0);
    along = newAlong;
  }

  /** From now on as in the call of another thread, which waits until this part is released. */
  public void follow(CallArray other, int groupCount) {
    view = other.view;
    rule = other.rule;
    kind = other.kind;
    withoutAxis = other.withoutAxis;
    along = other.along;
    outer = other.outer;
    classes = other.classes;
    inner = other.inner;
    reserveGroups(groupCount);
    System.arraycopy(other.groups, 0, groups, 0, groupCount);
    base = Memory.accessible(other.base());
    piece = other.piece == null ? null : Memory.accessible(other.piece);
  }

  public void release() {
    view = null;
    if (base != null) {
      base = null;
    }
    if (piece != null) {
      piece = null;
    }
  }

  /** The kernels get a copy of the whole view, in memory that lasts as long as the call. */
  public void useCopy(MemorySegment copy) {
    base = copy;
  }

  /** What it has numbers for in this call. */
  public Kind kind() {
    return kind;
  }

  /** Whether it is written, if it is there. */
  public boolean isWritten() {
    return view != null && rule.written;
  }

  /** Whether it may be written in place of another array of the call. */
  public boolean mayBe(CallArray other) {
    return other.array != null && rule.mayBe(other.array);
  }

  /** Whether it has numbers of rows that no part of a row can tell: finishing does not write it. */
  public boolean needsWholeRows() {
    return isWritten() && rule.form.isOfRows() && Function.FINISH.place(rule.array) < 0;
  }

  /** What of this part, beside the sizes of the call, the layout of an array without gaps is. */
  public long signature() {
    return (view.type.number() << 1 | (kind == Kind.ROWS ? 1L : 0L)) << place * SIGNATURE_BITS;
  }

  /** Whether calls without options of their own do without it. */
  public boolean isUnusual() {
    return place > USUAL_ARRAYS;
  }

  /** What the kernels get: NULL when absent, else the view or the piece of it that is worked on. */
  public MemorySegment segment() {
    if (view == null) {
      return MemorySegment.NULL;
    }
    return piece == null ? base() : piece;
  }

  private MemorySegment base() {
    return base == null ? view.segment : base;
  }

  /** Gives it to a kernel that takes it. */
  public void offer(Work work) {
    if (array != null) {
      boolean isView = base == null;
      work.offer(array, segment(), isView ? view.array : null, isView && view.everOpen);
    }
  }

  /** From now on what is worked on begins so many elements behind the first one of the view. */
  void enter(long offset) {
    piece = base().asSlice(offset * view.type.byteSize());
  }

  /** The place of the first element of a row of the current piece. */
  public long at(Pieces pieces, long row) {
    return row / pieces.inner * outer + row % pieces.inner * inner;
  }

  // ---- strides ---------------------------------------------------------------------------------

  /** The stride of a dimension of the call but the class axis; 0 where one number holds for all. */
  long stride(int dimension, int axis) {
    if (isShared() || kind == Kind.OFFSETS || view.elements == 1) {
      return 0;
    }
    if (kind == Kind.ALONG) {
      return dimension == along ? view.strides[0] : 0;
    }
    int own = withoutAxis && dimension > axis ? dimension - 1 : dimension;
    return view.shape[own] == 1 ? 0 : view.strides[own];
  }

  /** Whether its numbers are those of classes, the same for all rows. */
  private boolean isShared() {
    return kind == Kind.CLASS_VECTOR || kind == Kind.CLASS_ROWS;
  }

  /** Of an array without gaps and without repetition, or one that all rows share. */
  public void describeDense(Dimensions dimensions) {
    long behind = dimensions.behind;
    outer =
        switch (kind) {
          case CLASSES -> behind * dimensions.classes;
          case ROWS -> behind;
          case ENTRIES -> behind * view.shape[dimensions.axis];
          case CLASS_ROWS -> view.strides[0];
          case CLASS_VECTOR, OFFSETS, ALONG -> 0;
        };
    classes =
        switch (kind) {
          case CLASSES, ENTRIES -> behind;
          case CLASS_VECTOR -> view.strides[0];
          case CLASS_ROWS -> view.strides[1];
          case ROWS, OFFSETS, ALONG -> 0;
        };
    inner = isShared() ? 0 : 1;
  }

  /** Of an array whose classes lie one row behind the other, and of what comes with it. */
  public void describeRagged(Dimensions dimensions) {
    outer = kind == Kind.CLASSES ? 0 : stride(0, dimensions.axis);
    classes =
        switch (kind) {
          case CLASSES, CLASS_VECTOR -> view.strides[0];
          case ENTRIES, CLASS_ROWS -> view.strides[1];
          case ROWS, OFFSETS, ALONG -> 0;
        };
    inner = 1;
  }

  /** By the groups of dimensions that are the outer and the inner one; -1: there is none. */
  void describe(int outerGroup, int innerGroup, Dimensions dimensions) {
    boolean shared = isShared();
    outer = outerGroup >= 0 ? groups[outerGroup] : shared ? 0 : 1;
    inner = innerGroup >= 0 ? groups[innerGroup] : shared ? 0 : 1;
    if (kind == Kind.CLASS_ROWS) {
      outer = view.strides[0];
    }
    classes =
        switch (kind) {
          case CLASSES -> dimensions.classes == 1 ? 1 : view.strides[dimensions.axis];
          case ENTRIES -> view.strides[dimensions.axis];
          case CLASS_VECTOR -> view.strides[0];
          case CLASS_ROWS -> view.strides[1];
          case ROWS, OFFSETS, ALONG -> 0;
        };
  }

  /** Makes room for the strides of so many groups. */
  void reserveGroups(int count) {
    if (groups.length < count) {
      groups = new long[count];
    }
  }

  /** Gives the layout in the struct a type, where there is no array: after {@link #write()}. */
  public void writeType(ElementType type) {
    if (writtenType != type.number()) {
      xent_layout.type(layout, type.number());
      writtenType = type.number();
      writtenOuter = 0;
      writtenClasses = 0;
      writtenInner = 0;
    }
  }

  /** Gives it that of floats, row after row without gaps: after {@link #write()}, likewise. */
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

  /** Whether its bytes are flags, which are not signed, whatever their type says. */
  private boolean holdsFlags() {
    return (rule.holds & ElementType.FLAGS) != 0;
  }

  /** Brings the layout in the struct up to date; most calls are like the one before. */
  public void write() {
    if (view == null) {
      if (writtenType != XentH.XENT_NO_TYPE()) {
        layout.fill((byte) 0);
        writtenType = XentH.XENT_NO_TYPE();
      }
      return;
    }
    ElementType held = view.type == ElementType.I8 && holdsFlags() ? ElementType.U8 : view.type;
    int type = held.number();
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
