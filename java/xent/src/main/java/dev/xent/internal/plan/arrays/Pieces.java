// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

/**
 * The pieces of the arrays of a call, in the order of the rows. In each piece every array has the
 * shape (outer, classes, inner) with three strides.
 */
public final class Pieces {
  public long count;

  /** The rows of a piece: its outer size times its inner size. */
  public long rows;

  /** The inner size of a piece. */
  public long inner;

  /**
   * The number of groups of adjacent dimensions that all arrays can merge, without the class axis;
   * then their sizes.
   */
  private int groupCount;

  private long[] groups = new long[Layout.USUAL_RANK];

  /** Sets zero pieces, for a call without rows. */
  public void takeNone() {
    count = 0;
    rows = 0;
  }

  /** Sets one piece of these sizes. */
  public void takeOne(long outer, long newInner) {
    count = 1;
    rows = outer * newInner;
    inner = newInner;
  }

  /**
   * Finds the pieces and sets the three strides of each array. Returns the outer size of a piece.
   */
  public long find(Dimensions dimensions, Layout[] present, int presentCount) {
    findGroups(dimensions, present, presentCount);
    return describe(dimensions, present, presentCount);
  }

  private void findGroups(Dimensions dimensions, Layout[] present, int presentCount) {
    reserve(dimensions.rank, present, presentCount);
    groupCount = 0;
    int axis = dimensions.axis;
    for (int d = 0; d < dimensions.rank; d++) {
      long size = dimensions.size(d);
      if (d == axis || size == 1) {
        continue;
      }
      if (groupCount == 0 || !joins(groupCount - 1, d, size, axis, present, presentCount)) {
        groups[groupCount++] = 1;
      }
      groups[groupCount - 1] *= size;
      for (int i = 0; i < presentCount; i++) {
        present[i].groups[groupCount - 1] = present[i].stride(d, axis);
      }
    }
  }

  private static boolean joins(
      int group, int dimension, long size, int axis, Layout[] present, int presentCount) {
    for (int i = 0; i < presentCount; i++) {
      if (present[i].groups[group] != present[i].stride(dimension, axis) * size) {
        return false;
      }
    }
    return true;
  }

  private void reserve(int rank, Layout[] present, int presentCount) {
    if (groups.length < rank) {
      groups = new long[rank];
    }
    for (int i = 0; i < presentCount; i++) {
      present[i].reserveGroups(rank);
    }
  }

  /**
   * The last two groups become the outer and the inner dimension, even if the class axis is not
   * between them, so that the rows of a piece are consecutive. The groups before them count the
   * pieces. A single group is the inner dimension if its stride is smaller than the class stride.
   */
  private long describe(Dimensions dimensions, Layout[] present, int presentCount) {
    int innerGroup = groupCount - 1;
    int outerGroup = groupCount - 2;
    Layout lead = present[0];
    boolean elements = dimensions.hasElements();
    if (groupCount == 1 && (elements || lead.classStride(dimensions.axis) <= lead.groups[0])) {
      innerGroup = -1;
      outerGroup = 0;
    }
    for (int i = 0; i < presentCount; i++) {
      present[i].describe(outerGroup, innerGroup, dimensions);
    }
    long outer = outerGroup < 0 ? 1 : groups[outerGroup];
    inner = innerGroup < 0 ? 1 : groups[innerGroup];
    rows = outer * inner;
    count = dimensions.rows / rows;
    return outer;
  }

  /** The offset of the first element of a piece from the first one of the array, in elements. */
  public long offset(long piece, Layout array) {
    long offset = 0;
    long rest = piece;
    for (int g = groupCount - 3; g >= 0; g--) {
      offset += rest % groups[g] * array.groups[g];
      rest /= groups[g];
    }
    return offset;
  }
}
