// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.ShapeException;
import java.util.Arrays;

/** The rows and the classes of a call, as its leading array has them. */
public final class Dimensions {
  /** Ragged rows: so many of them, and their classes along axis 1. */
  private final long[] raggedShape = new long[2];

  /** Of logits that are made of hidden states. */
  private long[] linearShape = raggedShape;

  /** Of the leading array; of ragged rows, what it would be if all were as long as the longest. */
  private long[] shape = raggedShape;

  /** Of {@link #shape}. */
  public int rank;

  /** Of the classes, in {@link #shape}; {@link #rank} where every element is a row. */
  public int axis;

  /** Where every element is a row: the axis that others call that of the classes. */
  public int along;

  /** The number of index combinations before the class axis, and behind it. */
  public long before;

  public long behind;

  /** Classes of every row, of the longest where rows are ragged. */
  public long classes;

  /** All rows. */
  public long rows;

  /** Whether each row has a length of its own. */
  public boolean ragged;

  /** Takes the dimensions of an array whose classes lie along an axis. */
  public void take(String name, View view, int classAxis) {
    shape = view.shape;
    rank = shape.length;
    if (rank == 1 && classAxis == 1) {
      throw new ShapeException(
          message(
              "%s is %s, without the class axis 1, which is that of pytorchRules(), onnxRules() and layers; expected two dimensions or more, or axis(0)",
              name, view));
    }
    axis = Strides.axis(classAxis, shape);
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

  /** The shape of one number per row: without the axis of the classes, or 1 of one row. */
  public static long[] rowsShape(View logits, int classAxis) {
    int axis = Strides.axis(classAxis, logits.shape);
    return logits.rank() == 1 ? new long[] {1} : without(axis, logits.shape);
  }

  /** Refuses an array without a class, even if it has no rows. */
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

  /** Takes those of logits that are made of hidden states, whose features lie along an axis. */
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
   * Takes those of an array whose elements are rows of one class.
   *
   * @param classAxis along which there may be a number for each index
   */
  public void takeElements(View view, int classAxis) {
    shape = view.shape;
    rank = shape.length;
    along = Strides.axis(classAxis, shape);
    axis = rank; // none of them
    classes = 1;
    before = view.elements;
    behind = 1;
    rows = view.elements;
    ragged = false;
  }

  /** So many rows that lie one behind the other, none longer than {@code longest}. */
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

  /** As in the call that is followed. */
  public void follow(Dimensions other) {
    shape = other.shape;
    rank = other.rank;
    axis = other.axis;
    along = other.along;
    before = other.before;
    behind = other.behind;
    classes = other.classes;
    rows = other.rows;
    ragged = other.ragged;
  }

  /** Whether every element is a row. */
  public boolean hasElements() {
    return axis == rank;
  }

  /** Whether an array has this shape. */
  public boolean isShape(long[] given) {
    return Arrays.equals(given, 0, given.length, shape, 0, rank);
  }

  /** Whether an array has this shape, or 1 in place of any size of it. */
  public boolean isSpread(long[] given) {
    if (given.length != rank) {
      return false;
    }
    for (int d = 0; d < rank; d++) {
      if (given[d] != shape[d] && given[d] != 1) {
        return false;
      }
    }
    return true;
  }

  public long size(int dimension) {
    return shape[dimension];
  }

  /**
   * Whether an array has one number per row, the class axis kept at size 1 or not.
   *
   * @param repeats whether a size may also be 1, and its number hold for all
   */
  public boolean isRowShape(long[] given, boolean repeats) {
    boolean keptAxis = given.length == rank;
    if (!keptAxis && given.length != rank - 1) {
      return false;
    }
    for (int d = 0; d < rank; d++) {
      if (d == axis) {
        if (keptAxis && given[d] != 1) {
          return false;
        }
      } else {
        long size = given[keptAxis || d < axis ? d : d - 1];
        if (size != shape[d] && !(repeats && size == 1)) {
          return false;
        }
      }
    }
    return true;
  }

  /** Whether an array has the shape of the rows with some numbers along the class axis. */
  public boolean hasRowsOfEntries(long[] given) {
    if (given.length != rank) {
      return false;
    }
    for (int d = 0; d < rank; d++) {
      if (d != axis && given[d] != shape[d]) {
        return false;
      }
    }
    return true;
  }

  /**
   * Whether an array has so many numbers along the class axis, and in every other dimension the
   * size of the call or 1.
   */
  public boolean isClassShape(long[] given, long size) {
    if (given.length != rank || given[axis] != size) {
      return false;
    }
    for (int d = 0; d < rank; d++) {
      if (d != axis && given[d] != shape[d] && given[d] != 1) {
        return false;
      }
    }
    return true;
  }

  /** The shape without the class axis; with the axis at size 1 where nothing else is left. */
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

  /** The shape, for a message. */
  public String shapeText() {
    return Arrays.toString(shape);
  }

  /** The shape with something else along the class axis, for a message. */
  public String entriesShape(String along) {
    StringBuilder text = new StringBuilder("[");
    for (int d = 0; d < rank; d++) {
      text.append(d == 0 ? "" : ", ").append(d == axis ? along : Long.toString(shape[d]));
    }
    return text.append(']').toString();
  }

  /** In a message. */
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
