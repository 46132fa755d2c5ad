// SPDX-License-Identifier: Apache-2.0

/** Arrays of DJL's PyTorch engine as tensors of Xent and back, without copies. */
// DJL declares its module name in its manifest.
@SuppressWarnings({"requires-automatic", "requires-transitive-automatic"})
module dev.xent.djl {
  requires transitive dev.xent;
  requires transitive ai.djl.api;
  requires static org.jspecify;

  exports dev.xent.djl;
}
