// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.ShapeException;
import java.util.Arrays;

/** The rows and the classes of a call, from the shape of its leading array. */
public final class Dimensions {
  /** Any size of the class axis. */
  private static final long ANY = -1;

  /** The shape of ragged rows: their number, and their classes along axis 1. */
  private final long[] raggedShape = new long[2];

  /** The shape of logits that are computed from hidden states. */
  private long[] linearShape = raggedShape;

  /**
   * The shape of the leading array. For ragged rows: the shape with all rows as long as the
   * longest.
   */
  private long[] shape = raggedShape;

  /** The rank of {@link #shape}. */
  public int rank;

  /** The class axis in {@link #shape}; equals {@link #rank} if every element is a row. */
  public int axis;

  /** If every element is a row: the axis that other operations use as the class axis. */
  public int along;

  /** The number of index combinations of the axes before the class axis, and of those after it. */
  public long before;

  public long behind;

  /** The classes of every row; of the longest row if rows are ragged. */
  public long classes;

  public long rows;

  /** Whether rows are ragged: each row has its own length. */
  public boolean ragged;

  /** Takes the dimensions of an array with the classes along an axis. */
  public void take(String name, View view, int classAxis) {
    shape = view.shape;
    rank = shape.length;
    axis = axis(name, view, classAxis);
    classes = shape[axis];
    requireClasses(name, view, axis);
    before = 1;
    for (int d = 0; d < axis; d++) {
      before *= shape[d];
    }
    behind = 1;
    for (int d = axis + 1; d < shape.length; d++) {
      behind *= shape[d];
    }
    rows = before * behind;
    ragged = false;
  }

  /** The class axis of an array, from 0. */
  public static int axis(String name, View view, int classAxis) {
    if (view.rank() == 1 && classAxis == 1) {
      throw new ShapeException(
          message(
              "%s is %s with one dimension, the operation has its classes along axis 1; expected two dimensions or more, or build the operation with axis(-1)",
              name, view));
    }
    return Strides.axis(classAxis, view.shape);
  }

  /**
   * The shape of one number per row: that of the logits without the class axis, or [1] for a single
   * row. Checks the logits before memory of this shape is allocated.
   */
  public static long[] rowsShape(View logits, int classAxis) {
    Types.requireLead("logits", logits);
    int axis = axis("logits", logits, classAxis);
    return logits.rank() == 1 ? new long[] {1} : without(axis, logits.shape);
  }

  /** Rejects an array without classes, even if it has no rows. */
  public static void requireClasses(String name, View view, int axis) {
    if (view.shape[axis] > 0) {
      return;
    }
    boolean hasRows = Strides.elements(view.shape, axis) > 0;
    throw new ShapeException(
        message(
            "%s %s has zero classes along axis %d; expected at least one%s",
            name,
            view,
            axis,
            hasRows ? "" : ", as Tensor.copyOf(rows, classes) has for a batch without rows"));
  }

  /**
   * Takes the dimensions of logits that are computed from hidden states with the features along an
   * axis.
   */
  public void takeLinear(View hidden, int featureAxis, long newClasses) {
    take("hidden", hidden, featureAxis);
    if (linearShape.length != rank) {
      linearShape = new long[rank];
    }
    System.arraycopy(shape, 0, linearShape, 0, rank);
    linearShape[axis] = newClasses;
    shape = linearShape;
    classes = newClasses;
  }

  /**
   * Takes the dimensions of an array whose elements are rows of one class.
   *
   * @param classAxis the axis that may have one number per index
   */
  public void takeElements(View view, int classAxis) {
    shape = view.shape;
    rank = shape.length;
    along = Strides.axis(classAxis, shape);
    axis = rank; // no axis of the array
    classes = 1;
    before = view.elements;
    behind = 1;
    rows = view.elements;
    ragged = false;
  }

  /**
   * Takes the dimensions of {@code rowCount} ragged rows, stored one after the other, of at most
   * {@code longest} classes each.
   */
  public void takeRagged(long rowCount, long longest) {
    shape = raggedShape;
    rank = 2;
    axis = 1;
    classes = Math.max(longest, 1);
    rows = rowCount;
    before = rowCount;
    behind = 1;
    raggedShape[0] = rowCount;
    raggedShape[1] = classes;
    ragged = true;
  }

  /** Whether every element is a row. */
  public boolean hasElements() {
    return axis == rank;
  }

  /** Whether an array has this shape. */
  public boolean isShape(long[] other) {
    return Arrays.equals(other, 0, other.length, shape, 0, rank);
  }

  /** Whether an array has this shape, or 1 instead of any of its sizes; every element is a row. */
  public boolean isSpread(long[] other) {
    return isLike(other, ANY, true);
  }

  public long size(int dimension) {
    return shape[dimension];
  }

  /**
   * Whether an array has one number per row, with the class axis removed or kept at size 1.
   *
   * @param repeats whether a size may also be 1, so that its number is repeated along the dimension
   */
  public boolean isRowShape(long[] other, boolean repeats) {
    if (other.length == rank) {
      return isLike(other, 1, repeats);
    }
    if (other.length != rank - 1) {
      return false;
    }
    for (int d = 0; d < other.length; d++) {
      if (other[d] != shape[d < axis ? d : d + 1] && !(repeats && other[d] == 1)) {
        return false;
      }
    }
    return true;
  }

  /** Whether an array has the shape of the rows with several numbers along the class axis. */
  public boolean hasRowsOfEntries(long[] other) {
    return isLike(other, ANY, false);
  }

  /**
   * Whether an array has {@code size} numbers along the class axis, and the size of the call or 1
   * in every other dimension.
   */
  public boolean isClassShape(long[] other, long size) {
    return isLike(other, size, true);
  }

  /**
   * Whether an array has the shape of the call but along the class axis.
   *
   * @param classes its size along that axis, or {@link #ANY}
   * @param repeats whether any other size may also be 1
   */
  private boolean isLike(long[] other, long classes, boolean repeats) {
    if (other.length != rank) {
      return false;
    }
    for (int d = 0; d < rank; d++) {
      boolean fits =
          d == axis
              ? classes == ANY || other[d] == classes
              : other[d] == shape[d] || (repeats && other[d] == 1);
      if (!fits) {
        return false;
      }
    }
    return true;
  }

  /** The shape without the class axis; [1] if no other axis is left. */
  public long[] rowShape() {
    return rank == 1 ? new long[] {1} : without(axis, Arrays.copyOf(shape, rank));
  }

  /** A shape without one of its axes. */
  public static long[] without(int axis, long[] shape) {
    long[] rest = new long[shape.length - 1];
    for (int d = 0; d < rest.length; d++) {
      rest[d] = shape[d < axis ? d : d + 1];
    }
    return rest;
  }

  /** The shape as text for an error message. */
  public String shapeText() {
    return Arrays.toString(shape);
  }

  /** The shape with other text along the class axis, for an error message. */
  public String entriesShape(String along) {
    StringBuilder text = new StringBuilder("[");
    for (int d = 0; d < rank; d++) {
      text.append(d == 0 ? "" : ", ").append(d == axis ? along : Long.toString(shape[d]));
    }
    return text.append(']').toString();
  }

  /** The description in error messages. */
  @Override
  public String toString() {
    if (hasElements()) {
      return plural(rows, "element");
    }
    return ragged
        ? plural(rows, "ragged row") + " of at most " + plural(classes, "class")
        : Arrays.toString(shape) + " with classes along axis " + axis;
  }
}
