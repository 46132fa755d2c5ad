// SPDX-License-Identifier: Apache-2.0

/** Xent tensors over the memory of Apache Arrow. */
module dev.xent.arrow {
  requires transitive dev.xent;
  // Tensors over arrays of the C Data Interface work without Arrow's Java library.
  requires static transitive org.apache.arrow.memory.core;
  requires static transitive org.apache.arrow.vector;
  requires static org.jspecify;

  exports dev.xent.arrow;
}
