// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.xent_layout;
import java.lang.foreign.MemorySegment;

/** How one array lies in memory: {@code xent_layout}, strides in elements. */
public final class Layout {
  public long outer;
  public long classes;
  public long inner;
  public int type;
  public int reserved;

  private final MemorySegment struct;

  Layout(MemorySegment struct) {
    this.struct = struct;
  }

  void load() {
    outer = xent_layout.outer(struct);
    classes = xent_layout.classes(struct);
    inner = xent_layout.inner(struct);
    type = xent_layout.type(struct);
    reserved = xent_layout.reserved(struct);
  }

  /** Takes the place and the type of another array. */
  public void take(Layout other) {
    outer = other.outer;
    classes = other.classes;
    inner = other.inner;
    type = other.type;
  }

  /** The same numbers for every row, whatever the struct says of rows. */
  public void repeatForRows() {
    outer = 0;
    inner = 0;
  }
}
