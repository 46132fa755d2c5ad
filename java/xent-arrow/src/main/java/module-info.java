// SPDX-License-Identifier: Apache-2.0

/** Tensors of Xent over the memory of Apache Arrow. */
module dev.xent.arrow {
  requires transitive dev.xent;
  // Arrays of the C Data Interface need no Arrow in Java.
  requires static transitive org.apache.arrow.memory.core;
  requires static transitive org.apache.arrow.vector;
  requires static org.jspecify;

  exports dev.xent.arrow;
}
