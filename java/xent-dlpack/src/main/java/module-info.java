// SPDX-License-Identifier: Apache-2.0

/** Imports and exports tensors through DLPack 1, without a copy. */
module dev.xent.dlpack {
  requires transitive dev.xent;
  requires static org.jspecify;

  exports dev.xent.dlpack;
}
