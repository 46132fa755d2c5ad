// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.kernels.reference.math.Constants;

/** The sizes of the tensor and the layout of every array of a call: {@code xent_shape}. */
public final class Shape {
  /** It may end behind the output or any layout after it. */
  private static final long LEAST_SIZE = ShapeStruct.offset(Array.GRADIENT);

  public long outer;
  public long classes;
  public long inner;

  /** How many classes a row of sparse targets has; 0: targets are not sparse. */
  public long targetCount;

  public long topCount;

  /** The class that the arrays of a shard begin with. */
  public long firstClass;

  /** Of all shards together; 0: there is but this one. */
  public long allClasses;

  /** How many tokens before a row has in its two lists, with what stands for none. */
  public long promptCount;

  public long outputCount;

  /** How many numbers a hidden state has, and the weights of a class. */
  public long features;

  public final SizedStruct copy = new SizedStruct(ShapeStruct.BYTES, LEAST_SIZE);

  private final Layout[] layouts = new Layout[Array.LAYOUTS];

  /** With room for a copy of the struct, whose layouts are one behind the other. */
  public Shape() {
    long size = xent_layout.sizeof();
    for (int i = 0; i < layouts.length; i++) {
      layouts[i] =
          new Layout(copy.struct.asSlice(ShapeStruct.offset(Array.LOGITS) + i * size, size));
    }
  }

  /** How an array lies. */
  public Layout of(Array array) {
    return layouts[array.ordinal()];
  }

  /** Reads the fields from the copy. */
  public void read() {
    outer = ShapeStruct.outer(copy.struct);
    classes = ShapeStruct.classes(copy.struct);
    inner = ShapeStruct.inner(copy.struct);
    targetCount = ShapeStruct.targetCount(copy.struct);
    topCount = ShapeStruct.topCount(copy.struct);
    firstClass = ShapeStruct.firstClass(copy.struct);
    allClasses = ShapeStruct.allClasses(copy.struct);
    promptCount = ShapeStruct.promptCount(copy.struct);
    outputCount = ShapeStruct.outputCount(copy.struct);
    features = ShapeStruct.features(copy.struct);
    for (Layout layout : layouts) {
      layout.load();
    }
    of(Array.CLASS_WEIGHTS).repeatForRows();
  }

  /** The place, in elements, of class 0 of a row; a row is outer index * inner + inner index. */
  public long offset(Layout layout, long row) {
    return inner == 1
        ? row * layout.outer
        : row / inner * layout.outer + row % inner * layout.inner;
  }

  /**
   * Whether the targets of the call, if there are any, are labels: not sparse, not probabilities.
   */
  public boolean hasLabels() {
    return targetCount == 0 && ElementType.holds(of(Array.TARGETS).type, ElementType.LABELS);
  }

  /** The classes of a whole row, of which a shard holds a part. */
  public long wholeRow() {
    return allClasses == 0 ? classes : allClasses;
  }

  /** How many states a row has. */
  public long chunks() {
    return (classes + Constants.CHUNK - 1) / Constants.CHUNK;
  }
}
