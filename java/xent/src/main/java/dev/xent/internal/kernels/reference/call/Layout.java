// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

/** The layout of an array: {@code xent_layout}, with strides in elements. */
public final class Layout {
  public long outer;
  public long classes;
  public long inner;
  public int type;

  void read(long[] layouts, int at) {
    outer = layouts[at];
    classes = layouts[at + 1];
    inner = layouts[at + 2];
    type = (int) layouts[at + 3];
  }

  /** Copies the strides and the type of another array. */
  public void take(Layout other) {
    outer = other.outer;
    classes = other.classes;
    inner = other.inner;
    type = other.type;
  }

  /** Makes all rows share the same numbers, independent of the row strides in the struct. */
  public void repeatForRows() {
    outer = 0;
    inner = 0;
  }
}
