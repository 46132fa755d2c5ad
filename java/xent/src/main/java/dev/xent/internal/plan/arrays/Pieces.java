// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

/**
 * The pieces that the arrays of a call fall into, in each of which all of them are (outer, classes,
 * inner) with three strides; in the order of the rows.
 */
public final class Pieces {
  /** How many there are. */
  public long count;

  /** Rows of one: its outer times its inner size. */
  public long rows;

  /** The inner size of one. */
  public long inner;

  /** Rows before the current one. */
  public long firstRow;

  /** Neighbouring dimensions that all arrays can join, the class axis left out, and their sizes. */
  private int groupCount;

  private long[] groups = new long[CallArray.USUAL_RANK];

  /** There is nothing to do. */
  public void takeNone() {
    firstRow = 0;
    count = 0;
    rows = 0;
  }

  /** There is one, of these sizes. */
  public void takeOne(long outer, long newInner) {
    firstRow = 0;
    count = 1;
    rows = outer * newInner;
    inner = newInner;
  }

  /** Finds them, and gives each part its three strides. Returns their outer size. */
  public long find(Dimensions dimensions, CallArray[] present, int parts) {
    firstRow = 0;
    findGroups(dimensions, present, parts);
    return describe(dimensions, present, parts);
  }

  private void findGroups(Dimensions dimensions, CallArray[] present, int parts) {
    reserve(dimensions.rank, present, parts);
    groupCount = 0;
    int axis = dimensions.axis;
    for (int d = 0; d < dimensions.rank; d++) {
      long size = dimensions.size(d);
      if (d == axis || size == 1) {
        continue;
      }
      if (groupCount == 0 || !joins(groupCount - 1, d, size, axis, present, parts)) {
        groups[groupCount++] = 1;
      }
      groups[groupCount - 1] *= size;
      for (int i = 0; i < parts; i++) {
        present[i].groups[groupCount - 1] = present[i].stride(d, axis);
      }
    }
  }

  private static boolean joins(
      int group, int dimension, long size, int axis, CallArray[] present, int parts) {
    for (int i = 0; i < parts; i++) {
      if (present[i].groups[group] != present[i].stride(dimension, axis) * size) {
        return false;
      }
    }
    return true;
  }

  private void reserve(int rank, CallArray[] present, int parts) {
    if (groups.length < rank) {
      groups = new long[rank];
    }
    for (int i = 0; i < parts; i++) {
      present[i].reserveGroups(rank);
    }
  }

  /**
   * The last two groups become the outer and the inner dimension, wherever the class axis lies
   * between them, so that the rows of a piece follow each other; groups before them count the
   * pieces. A single group is the inner dimension where its neighbours lie closer than those of the
   * classes.
   */
  private long describe(Dimensions dimensions, CallArray[] present, int parts) {
    int innerGroup = groupCount - 1;
    int outerGroup = groupCount - 2;
    CallArray lead = present[0];
    boolean elements = dimensions.hasElements();
    if (groupCount == 1 && (elements || lead.view.strides[dimensions.axis] <= lead.groups[0])) {
      innerGroup = -1;
      outerGroup = 0;
    }
    for (int i = 0; i < parts; i++) {
      present[i].describe(outerGroup, innerGroup, dimensions);
    }
    long outer = outerGroup < 0 ? 1 : groups[outerGroup];
    inner = innerGroup < 0 ? 1 : groups[innerGroup];
    rows = outer * inner;
    count = dimensions.rows / rows;
    return outer;
  }

  /** Points all parts at a piece. */
  public void enter(long piece, CallArray[] present, int parts) {
    if (count == 1) {
      return;
    }
    firstRow = piece * rows;
    for (int i = 0; i < parts; i++) {
      CallArray part = present[i];
      long offset = 0;
      long rest = piece;
      for (int g = groupCount - 3; g >= 0; g--) {
        offset += rest % groups[g] * part.groups[g];
        rest /= groups[g];
      }
      part.enter(offset);
    }
  }

  /** As in the call that is followed, whose parts these ones have become. */
  public void follow(Pieces other, CallArray[] present, int parts) {
    count = other.count;
    rows = other.rows;
    inner = other.inner;
    firstRow = other.firstRow;
    groupCount = other.groupCount;
    reserve(groupCount, present, parts);
    System.arraycopy(other.groups, 0, groups, 0, groupCount);
  }

  /** How many groups of dimensions there are. */
  public int groupCount() {
    return groupCount;
  }
}
