// SPDX-License-Identifier: Apache-2.0

/** Xent tensors over the memory of Apache Arrow. */
module dev.xent.arrow {
  requires transitive dev.xent;
  requires transitive org.apache.arrow.memory.core;
  requires transitive org.apache.arrow.vector;
  requires static org.jspecify;

  exports dev.xent.arrow;
}
