// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.xent_layout;
import java.lang.foreign.MemorySegment;

/** How one array lies in memory: {@code xent_layout}, strides in elements. */
final class Layout {
  long outer;
  long classes;
  long inner;
  int type;
  int reserved;

  void load(MemorySegment struct) {
    outer = xent_layout.outer(struct);
    classes = xent_layout.classes(struct);
    inner = xent_layout.inner(struct);
    type = xent_layout.type(struct);
    reserved = xent_layout.reserved(struct);
  }

  /** The same numbers for every row, whatever the struct says of rows. */
  void repeatForRows() {
    outer = 0;
    inner = 0;
  }
}
