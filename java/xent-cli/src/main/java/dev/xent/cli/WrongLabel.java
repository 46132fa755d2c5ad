// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.LabelException;
import java.util.Arrays;

/** The line for a label that is no class. */
final class WrongLabel {
  private WrongLabel() {}

  /** Names the place in a file of this shape as {@code verify} does. */
  static CommandException in(long[] shape, LabelException e) {
    String place =
        shape.length == 1 ? Long.toString(e.row()) : Arrays.toString(index(shape, e.row()));
    String hint = e.label() == e.classes() ? "labels count from 0, " : "";
    return new CommandException(
        "label %d in row %s is not in [0, %d); %scorrect it, or leave such rows out: --ignore-index %1$d"
            .formatted(e.label(), place, e.classes(), hint));
  }

  /** The index along each axis of a place in row-major order. */
  private static long[] index(long[] shape, long place) {
    long[] index = new long[shape.length];
    long left = place;
    for (int axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = left % shape[axis];
      left /= shape[axis];
    }
    return index;
  }
}
