// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.CallShape;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.reference.math.Constants;
import java.util.Arrays;

/** The sizes of the tensor and the layout of every array of a call. */
public final class Shape {
  public long outer;
  public long classes;
  public long inner;

  /** The number of classes in a row of sparse targets; 0 if targets are not sparse. */
  public long targetCount;

  public long topCount;

  /** The first class in the arrays of a shard. */
  public long firstClass;

  /** The number of classes of all shards together; 0 without shards. */
  public long allClasses;

  /** The lengths of a row's two lists of previous tokens, including padding. */
  public long promptCount;

  public long outputCount;
  public long continues;

  /** The number of features of a hidden state, and of the weights of a class. */
  public long features;

  private final Layout[] layouts = new Layout[Array.LAYOUTS];

  public Shape() {
    Arrays.setAll(layouts, i -> new Layout());
  }

  /** The layout of an array. */
  public Layout of(Array array) {
    return layouts[array.ordinal()];
  }

  /** Reads the shape of a call, of which a function without shards has only sizes of whole rows. */
  public void read(CallShape from, Function function) {
    outer = from.outer;
    classes = from.classes;
    inner = from.inner;
    targetCount = from.targetCount;
    topCount = from.topCount;
    firstClass = function.hasClasses ? from.firstClass : 0;
    allClasses = function.hasClasses ? from.allClasses : 0;
    promptCount = from.promptCount;
    outputCount = from.outputCount;
    features = from.features;
    continues = from.continues;
    for (int i = 0; i < layouts.length; i++) {
      layouts[i].read(from.layouts, i * CallShape.LAYOUT);
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
