// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Rule;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One array of a call: the view, and its memory layout in the three strides that the kernels use.
 */
public final class CallArray {
  /** The index space of an array. */
  public enum Kind {
    /** One number per row and class. */
    CLASSES,
    /** One number per row. */
    ROWS,
    /** Several numbers per row, along the class axis. */
    ENTRIES,
    /** One number per class, shared by all rows. */
    CLASS_VECTOR,
    /** Several numbers per class, shared by all rows. */
    CLASS_ROWS,
    /** The offsets of ragged rows. */
    OFFSETS,
    /** One number per index of one axis, in calls whose rows are single elements. */
    ALONG
  }

  /** The initial length of arrays with one entry per dimension; larger ranks reallocate them. */
  static final int USUAL_RANK = 8;

  /** The number of arrays that come first in the core's order; most calls use no others. */
  static final int USUAL_ARRAYS = 8;

  /** Bits per array in a signature: the code of an element type and one flag. */
  private static final int SIGNATURE_BITS = 5;

  /** The name in error messages. */
  public final String name;

  /** The index among the arrays of a call. */
  public final int index;

  /**
   * The position in a signature. The usual arrays have one, and so do log-probabilities, which
   * replace logits.
   */
  private final int place;

  /** The array of the core; null if no kernel takes it. */
  public final @Nullable Array id;

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

  /** The rule that the view satisfies; meaningful while there is a view. */
  private Rule rule = Rule.LOGITS;

  private Kind kind = Kind.CLASSES;

  /** The axis of the call that an array of kind ALONG has one number per index of. */
  private int along;

  /** Whether the view has the shape of the call without the class axis. */
  private boolean withoutAxis;

  public long outer;
  public long classes;
  public long inner;

  /** The strides of the groups of dimensions that {@link Pieces} found. */
  long[] groups = new long[USUAL_RANK];

  // The current contents of the layout.
  private long writtenOuter;
  private long writtenClasses;
  private long writtenInner;
  private int writtenType;

  public CallArray(int index, String name, @Nullable Array id, MemorySegment layout) {
    this.index = index;
    this.place = index == Array.LAYOUTS ? USUAL_ARRAYS : index < USUAL_ARRAYS ? index : index + 1;
    this.name = name;
    this.id = id;
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

  /** Takes an array with one number per index of an axis. */
  public void takeAlong(View newView, Rule newRule, int newAlong) {
    take(newView, newRule, Kind.ALONG, 0);
    along = newAlong;
  }

  /**
   * Copies the state of the same array in another thread's call. That thread waits until this one
   * is released.
   */
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

  /** The index space of the array in this call. */
  public Kind kind() {
    return kind;
  }

  /** Whether the call has the array and writes it. */
  public boolean isWritten() {
    return view != null && rule.written;
  }

  /** Whether the array may share its memory exactly with another array of the call. */
  public boolean mayBe(CallArray other) {
    return other.id != null && rule.mayBe(other.id);
  }

  /**
   * Whether the array is an output per row that needs whole rows: finishing partial rows does not
   * write it.
   */
  public boolean needsWholeRows() {
    return isWritten() && rule.form.isOfRows() && Function.FINISH.place(rule.array) < 0;
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

  /** The offset of the first element of a row in the current piece. */
  public long at(Pieces pieces, long row) {
    return row / pieces.inner * outer + row % pieces.inner * inner;
  }

  // ---- strides ---------------------------------------------------------------------------------

  /**
   * The stride of a dimension of the call other than the class axis; 0 if the array is repeated
   * along it.
   */
  long stride(int dimension, int axis) {
    if (isPerClass() || kind == Kind.OFFSETS || view.elements == 1) {
      return 0;
    }
    if (kind == Kind.ALONG) {
      return dimension == along ? view.strides[0] : 0;
    }
    int own = withoutAxis && dimension > axis ? dimension - 1 : dimension;
    return view.shape[own] == 1 ? 0 : view.strides[own];
  }

  /** Whether the array has numbers per class that all rows share. */
  private boolean isPerClass() {
    return kind == Kind.CLASS_VECTOR || kind == Kind.CLASS_ROWS;
  }

  /** Sets the strides of a contiguous array without repetition, or of one that all rows share. */
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
    inner = isPerClass() ? 0 : 1;
  }

  /**
   * Sets the strides of an array of a call with ragged rows, whose classes are stored one row after
   * the other.
   */
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

  /**
   * Sets the strides from the groups that are the outer and the inner dimension; -1 for a missing
   * group.
   */
  void describe(int outerGroup, int innerGroup, Dimensions dimensions) {
    boolean perClass = isPerClass();
    outer = outerGroup >= 0 ? groups[outerGroup] : perClass ? 0 : 1;
    inner = innerGroup >= 0 ? groups[innerGroup] : perClass ? 0 : 1;
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

  /** Makes room for the strides of {@code count} groups. */
  void reserveGroups(int count) {
    if (groups.length < count) {
      groups = new long[count];
    }
  }

  /** Writes the element type of an absent array to the layout; called after {@link #write()}. */
  public void writeType(ElementType type) {
    if (writtenType != type.number()) {
      xent_layout.type(layout, type.number());
      writtenType = type.number();
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

  /** The type that kernels read: flags are unsigned even in a signed type. */
  private ElementType type() {
    boolean flags = view.type == ElementType.I8 && (rule.holds & ElementType.FLAGS) != 0;
    return flags ? ElementType.U8 : view.type;
  }

  /** The number of a row of the current piece, in an array with one number per row. */
  public double number(Pieces pieces, long row) {
    return type().get(segment(), at(pieces, row));
  }

  /** Writes the number of a row of the current piece. */
  public void setNumber(Pieces pieces, long row, double value) {
    type().set(segment(), at(pieces, row), value);
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
    int type = type().number();
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
