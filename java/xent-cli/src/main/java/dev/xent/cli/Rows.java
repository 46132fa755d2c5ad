// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import dev.xent.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The rows of an input.
 *
 * @param input which has a number per class
 * @param axis of the classes
 * @param offsets where ragged rows begin, or null
 * @param shape of what has one number per row
 * @param mostClasses no row has more
 */
record Rows(Tensor input, int axis, @Nullable Tensor offsets, long[] shape, long mostClasses) {

  /**
   * The rows along an axis.
   *
   * @param offsets where ragged rows begin, or null
   */
  static Rows of(Tensor input, int axis, @Nullable Tensor offsets) {
    long[] shape =
        offsets == null
            ? Axis.without(axis, input.shape())
            : new long[] {Math.max(0, offsets.elements() - 1)};
    long classes = offsets == null ? input.dim(axis) : input.elements();
    return new Rows(input, axis, offsets, shape, classes);
  }

  /** The same input, of which every element is a row. */
  static Rows ofElements(Rows rows) {
    return new Rows(rows.input, rows.axis, null, rows.input.shape(), rows.mostClasses);
  }

  /** The same input, of which logits of so many classes are made. */
  static Rows ofHidden(Rows rows, long classes) {
    return new Rows(rows.input, rows.axis, null, rows.shape, classes);
  }

  /** What a call reads beside logits to find the rows. */
  Inputs inputs() {
    return inputs(offsets);
  }

  /** The same. */
  static Inputs inputs(@Nullable Tensor offsets) {
    return offsets == null ? Inputs.none() : Inputs.none().rowOffsets(offsets);
  }

  /** Whether every element is a row. */
  boolean areElements() {
    return offsets == null && shape.length == input.rank();
  }

  /** The shape of what has so many numbers per row. */
  long[] entries(long count) {
    if (offsets != null) {
      return new long[] {shape[0], count};
    }
    long[] entries = input.shape();
    entries[axis] = count;
    return entries;
  }

  /** The place of a row as {@code verify} names it: a number, or an index for each dimension. */
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
