// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.CallShape;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * How one array of a call is stored: its type, shape and strides, and the three strides that the
 * kernels use. It has no memory of a caller.
 */
public final class Layout {
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

  private static final long[] NO_GROUPS = {};

  /** The layout of an argument that is null. */
  public static final Layout NONE = new Layout(null);

  /** The array of the core; null in {@link #NONE} alone. */
  public final @Nullable Array id;

  /** The argument of the call; -1 for memory of the library. */
  public int argument = -1;

  /** The memory of the library that the array is in; null if it is an argument. */
  public @Nullable View own;

  /** Its name in messages. */
  public String name = "";

  public ElementType type = ElementType.F32;
  long[] shape = NO_GROUPS;
  long[] strides = NO_GROUPS;
  private long elements;
  private int facts;

  /** The rule that the array satisfies. */
  Rule rule = Rule.LOGITS;

  Kind kind = Kind.CLASSES;

  /** The axis of the call that an array of kind ALONG has one number per index of. */
  private int along;

  /** Whether the array has the shape of the call without the class axis. */
  private boolean withoutAxis;

  public long outer;
  public long classes;
  public long inner;

  /** The strides of the groups of dimensions that {@link Pieces} found. */
  long[] groups = NO_GROUPS;

  public Layout(@Nullable Array id) {
    this.id = id;
  }

  /**
   * Takes the layout of a view that fits the rule.
   *
   * @param callRank the number of dimensions of the call
   * @param newAlong the axis of an array of kind ALONG
   */
  public void take(View view, Rule newRule, Kind newKind, int callRank, int newAlong) {
    type = view.type;
    shape = view.shape;
    strides = view.strides;
    elements = view.elements;
    facts = view.facts;
    rule = newRule;
    kind = newKind;
    along = newAlong;
    withoutAxis = newKind == Kind.ROWS && view.rank() != callRank;
  }

  /**
   * Whether a view, or null, differs from the one that was taken in its memory at most, and that
   * memory is open.
   */
  public boolean fits(@Nullable View view) {
    if (view == null) {
      return this == NONE;
    }
    return view.type == type
        && view.facts == facts
        && (view.shape == shape || Arrays.equals(view.shape, shape))
        && (view.strides == strides || Arrays.equals(view.strides, strides))
        && (view.everOpen || Memory.isAccessible(view));
  }

  /** The number of its elements. */
  public long elements() {
    return elements;
  }

  /** The index space of the array in this call. */
  public Kind kind() {
    return kind;
  }

  /** Whether the call writes the array. */
  public boolean isWritten() {
    return rule.written;
  }

  /** Whether the array may share its memory exactly with another array of the call. */
  public boolean mayBe(Layout other) {
    return rule.mayBe(other.id);
  }

  /**
   * Whether the array is an output per row that needs whole rows: finishing partial rows does not
   * write it.
   */
  public boolean needsWholeRows() {
    return rule.written && rule.form.isOfRows() && Function.FINISH.place(rule.array) < 0;
  }

  /** The type that kernels read: flags are unsigned even in a signed type. */
  public ElementType storedType() {
    boolean flags = type == ElementType.I8 && (rule.holds & ElementType.FLAGS) != 0;
    return flags ? ElementType.U8 : type;
  }

  /** The offset of the first element of a row in a piece. */
  public long at(Pieces pieces, long row) {
    return row / pieces.inner * outer + row % pieces.inner * inner;
  }

  /** Whether an array that may be repeated is contiguous and not repeated. */
  public boolean isDense(Dimensions dimensions, boolean contiguous) {
    return switch (kind) {
      case CLASSES -> contiguous && elements == dimensions.rows * dimensions.classes;
      case ROWS -> contiguous && elements == dimensions.rows;
      case ENTRIES -> contiguous;
      case CLASS_VECTOR, CLASS_ROWS, OFFSETS -> true;
      case ALONG -> false;
    };
  }

  // ---- strides ---------------------------------------------------------------------------------

  /**
   * The stride of a dimension of the call other than the class axis; 0 if the array is repeated
   * along it.
   */
  long stride(int dimension, int axis) {
    if (isPerClass() || kind == Kind.OFFSETS || elements == 1) {
      return 0;
    }
    if (kind == Kind.ALONG) {
      return dimension == along ? strides[0] : 0;
    }
    int own = withoutAxis && dimension > axis ? dimension - 1 : dimension;
    return shape[own] == 1 ? 0 : strides[own];
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
          case ENTRIES -> behind * shape[dimensions.axis];
          case CLASS_ROWS -> strides[0];
          case CLASS_VECTOR, OFFSETS, ALONG -> 0;
        };
    classes =
        switch (kind) {
          case CLASSES, ENTRIES -> behind;
          case CLASS_VECTOR -> strides[0];
          case CLASS_ROWS -> strides[1];
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
          case CLASSES, CLASS_VECTOR -> strides[0];
          case ENTRIES, CLASS_ROWS -> strides[1];
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
      outer = strides[0];
    }
    classes =
        switch (kind) {
          case CLASSES -> dimensions.classes == 1 ? 1 : strides[dimensions.axis];
          case ENTRIES -> strides[dimensions.axis];
          case CLASS_VECTOR -> strides[0];
          case CLASS_ROWS -> strides[1];
          case ROWS, OFFSETS, ALONG -> 0;
        };
  }

  /** The stride of the class axis of the view. */
  long classStride(int axis) {
    return strides[axis];
  }

  /** Makes room for the strides of {@code count} groups. */
  void reserveGroups(int count) {
    if (groups.length < count) {
      groups = new long[Math.max(count, USUAL_RANK)];
    }
  }

  /** Writes the strides and the type. */
  public void write(CallShape shape) {
    shape.set(id, outer, classes, inner, storedType());
  }
}
