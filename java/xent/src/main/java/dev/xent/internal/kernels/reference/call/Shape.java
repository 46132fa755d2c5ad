// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.CallShape;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.reference.math.Constants;
import java.util.Arrays;

/** The shape of a call of one function, with the layout of each array as an object. */
public final class Shape extends CallShape {
  private final Layout[] objects = new Layout[Array.LAYOUTS];

  public Shape() {
    Arrays.setAll(objects, i -> new Layout());
  }

  /** The layout of an array. */
  public Layout of(Array array) {
    return objects[array.ordinal()];
  }

  /** Reads the shape of a call, of which a function without shards has only sizes of whole rows. */
  public void read(CallShape from, Function function) {
    copyFrom(from);
    if (!function.hasClasses) {
      firstClass = 0;
      allClasses = 0;
    }
    for (int i = 0; i < objects.length; i++) {
      objects[i].read(layouts, i * LAYOUT);
    }
    of(Array.CLASS_WEIGHTS).repeatForRows();
  }

  /** The offset, in elements, of class 0 of a row; a row is outer index * inner + inner index. */
  public long offset(Layout layout, long row) {
    return inner == 1
        ? row * layout.outer
        : row / inner * layout.outer + row % inner * layout.inner;
  }

  /** Whether the call's targets, if it has any, are labels: not sparse, not probabilities. */
  public boolean hasLabels() {
    return targetCount == 0 && ElementType.holds(of(Array.TARGETS).type, ElementType.LABELS);
  }

  /** The number of classes of a whole row, of which a shard has a part. */
  public long wholeRow() {
    return allClasses == 0 ? classes : allClasses;
  }

  /** The number of states of a row. */
  public long chunks() {
    return (classes + Constants.CHUNK - 1) / Constants.CHUNK;
  }
}
