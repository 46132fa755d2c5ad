// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.DistinctElements;
import java.util.Arrays;

/** Arithmetic of shapes and strides. */
public final class Strides {
  private Strides() {}

  /**
   * The number of elements.
   *
   * @throws ShapeException for an empty shape, a negative size or a number that overflows
   */
  public static long elements(long[] shape) {
    return elements(shape, -1);
  }

  /** The number of elements without one axis; -1 counts all axes. */
  static long elements(long[] shape, int without) {
    if (shape.length == 0) {
      throw new ShapeException("the shape is empty; expected at least one size");
    }
    long elements = 1;
    boolean empty = false;
    for (int d = 0; d < shape.length; d++) {
      if (d == without) {
        continue;
      }
      long size = shape[d];
      if (size < 0) {
        throw new ShapeException(
            "shape " + Arrays.toString(shape) + " has a negative size: sizes are 0 or more");
      }
      empty |= size == 0;
      elements = size > 1 ? times(elements, size, shape) : elements;
    }
    return empty ? 0 : elements;
  }

  /**
   * A copy of a shape in which a size of -1 is replaced by the size that follows from the number of
   * elements.
   *
   * @param of the object that has the elements, for an error message
   * @throws ShapeException for a size that cannot be inferred, and for shapes that {@link
   *     #elements} rejects
   */
  public static long[] inferred(long[] shape, long elements, Object of) {
    long[] whole = shape.clone();
    int open = -1;
    for (int d = 0; d < whole.length; d++) {
      if (whole[d] == -1) {
        if (open >= 0) {
          throw new ShapeException(
              "shape "
                  + Arrays.toString(shape)
                  + " leaves two sizes open; expected at most one -1");
        }
        open = d;
      }
    }
    if (open < 0) {
      return whole;
    }
    long others = elements(whole, open);
    if (others == 0) {
      throw new ShapeException(
          message(
              "shape %s has 0 elements for any value of its -1; expected every size",
              Arrays.toString(shape)));
    }
    if (elements % others != 0) {
      throw new ShapeException(
          message(
              "shape %s needs a multiple of %s, %s has %d; expected sizes that divide it",
              Arrays.toString(shape), plural(others, "element"), of, elements));
    }
    whole[open] = elements / others;
    return whole;
  }

  /** Row-major strides without gaps. */
  public static long[] rowMajor(long[] shape) {
    long[] strides = new long[shape.length];
    long next = 1;
    for (int d = shape.length - 1; d >= 0; d--) {
      strides[d] = next;
      next = shape[d] > 1 ? times(next, shape[d], shape) : next;
    }
    return strides;
  }

  /**
   * The number of elements from the first to the last one, both included.
   *
   * @throws ShapeException for strides that do not fit the shape or a number that overflows
   */
  static long span(long[] shape, long[] strides) {
    if (strides.length != shape.length) {
      throw new ShapeException(
          message(
              "strides %s do not fit shape %s; expected one stride per size",
              Arrays.toString(strides), Arrays.toString(shape)));
    }
    long last = 0;
    boolean empty = false;
    for (int d = 0; d < shape.length; d++) {
      if (strides[d] < 0) {
        throw new ShapeException(
            "strides " + Arrays.toString(strides) + " has a negative one: strides are 0 or more");
      }
      empty |= shape[d] == 0;
      last = plus(last, shape[d] == 0 ? 0 : times(shape[d] - 1, strides[d], shape), shape);
    }
    return empty ? 0 : plus(last, 1, shape);
  }

  static boolean areRowMajor(long[] shape, long[] strides) {
    long next = 1;
    boolean rowMajor = true;
    for (int d = shape.length - 1; d >= 0; d--) {
      if (shape[d] == 0) {
        return true;
      }
      if (shape[d] > 1) {
        rowMajor &= strides[d] == next;
        next *= shape[d];
      }
    }
    return rowMajor;
  }

  /**
   * Whether no two indices share an element. Returns false without a search if more than three
   * dimensions interleave; slices and permutations of an array never do.
   */
  static boolean areDistinct(long[] shape, long[] strides) {
    return DistinctElements.areApart(shape.clone(), strides.clone(), shape.length);
  }

  /**
   * An axis counted from 0.
   *
   * @param axis -rank to rank - 1
   * @throws ShapeException for any other axis
   */
  public static int axis(int axis, long[] shape) {
    int rank = shape.length;
    if (!isAxis(axis, rank)) {
      throw new ShapeException(
          message(
              "axis %d does not exist in shape %s: axes go from %d to %d",
              axis, Arrays.toString(shape), -rank, rank - 1));
    }
    return axis < 0 ? axis + rank : axis;
  }

  /** Whether tensors of a rank have an axis. */
  public static boolean isAxis(int axis, int rank) {
    return axis >= -rank && axis < rank;
  }

  /** Rejects an index outside [0, size of the axis). */
  public static void requireIndex(long index, int axis, View view) {
    if (index < 0 || index >= view.shape[axis]) {
      throw new ShapeException(
          message(
              "index %d of axis %d of %s does not exist: %s",
              index,
              axis,
              view,
              view.shape[axis] == 0
                  ? "there is none"
                  : "indices go from 0 to " + (view.shape[axis] - 1)));
    }
  }

  /** The offset of an element from the first one, in elements. */
  public static long offset(long[] index, View view) {
    if (index.length != view.rank()) {
      throw new ShapeException(
          message(
              "index %s does not fit %s; expected one number per dimension",
              Arrays.toString(index), view));
    }
    long offset = 0;
    for (int d = 0; d < index.length; d++) {
      requireIndex(index[d], d, view);
      offset += index[d] * view.strides[d];
    }
    return offset;
  }

  /** The product of two numbers that are not negative. */
  static long times(long a, long b, long[] shape) {
    if ((a | b) >>> 31 != 0 && b != 0 && a > Long.MAX_VALUE / b) {
      throw tooLarge(shape);
    }
    return a * b;
  }

  private static long plus(long a, long b, long[] shape) {
    if (a + b < 0) {
      throw tooLarge(shape);
    }
    return a + b;
  }

  private static ShapeException tooLarge(long[] shape) {
    return new ShapeException(
        "shape "
            + Arrays.toString(shape)
            + " is larger than memory can be: sizes and strides must stay below 2^63 bytes");
  }
}
