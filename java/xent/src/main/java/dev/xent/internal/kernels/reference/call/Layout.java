// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.xent_layout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The layout of an array: {@code xent_layout}, with strides in elements. */
public final class Layout {
  public long outer;
  public long classes;
  public long inner;
  public int type;

  void read(MemorySegment shape, long at) {
    outer = shape.get(ValueLayout.JAVA_LONG, at + xent_layout.outer$offset());
    classes = shape.get(ValueLayout.JAVA_LONG, at + xent_layout.classes$offset());
    inner = shape.get(ValueLayout.JAVA_LONG, at + xent_layout.inner$offset());
    type = shape.get(ValueLayout.JAVA_INT, at + xent_layout.type$offset());
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
