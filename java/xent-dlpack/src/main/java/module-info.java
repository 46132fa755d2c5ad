// SPDX-License-Identifier: Apache-2.0

/** Tensors of other libraries by DLPack 1, imported and exported without a copy. */
module dev.xent.dlpack {
  requires transitive dev.xent;
  requires static org.jspecify;

  exports dev.xent.dlpack;
}
