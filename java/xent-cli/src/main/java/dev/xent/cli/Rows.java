// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import dev.xent.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The rows of an input.
 *
 * @param input with one number per class
 * @param axis of the classes
 * @param offsets of ragged rows, or null
 * @param shape of arrays with one number per row
 * @param mostClasses the largest number of classes of a row
 */
record Rows(Tensor input, int axis, @Nullable Tensor offsets, long[] shape, long mostClasses) {

  /**
   * The rows along an axis.
   *
   * @param offsets of ragged rows, or null
   */
  static Rows of(Tensor input, int axis, @Nullable Tensor offsets) {
    long[] shape =
        offsets == null
            ? Axis.without(axis, input.shape())
            : new long[] {Math.max(0, offsets.elements() - 1)};
    long classes = offsets == null ? input.dim(axis) : input.elements();
    return new Rows(input, axis, offsets, shape, classes);
  }

  /** The same input, with every element as a row. */
  static Rows ofElements(Rows rows) {
    return new Rows(rows.input, rows.axis, null, rows.input.shape(), rows.mostClasses);
  }

  /** Hidden states as rows with this number of classes. */
  static Rows ofHidden(Rows rows, long classes) {
    return new Rows(rows.input, rows.axis, null, rows.shape, classes);
  }

  /** The inputs of a call that define the rows. */
  Inputs inputs() {
    return offsets == null ? Inputs.none() : Inputs.none().withRowOffsets(offsets);
  }

  /** Whether every element is a row. */
  boolean areElements() {
    return offsets == null && shape.length == input.rank();
  }

  /** The shape of an array with {@code count} numbers per row. */
  long[] entries(long count) {
    if (offsets != null) {
      return new long[] {shape[0], count};
    }
    long[] entries = input.shape();
    entries[axis] = count;
    return entries;
  }

  /**
   * The position of a row in the form of {@code verify}: a number, or an index for each dimension.
   */
  String place(long row) {
    if (shape.length <= 1) {
      return Long.toString(row);
    }
    long[] index = new long[shape.length];
    long left = row;
    for (int d = shape.length - 1; d >= 0; d--) {
      index[d] = left % shape[d];
      left /= shape[d];
    }
    return Arrays.toString(index);
  }
}
