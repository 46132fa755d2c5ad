// SPDX-License-Identifier: Apache-2.0

/** Files of numbers as tensors: .npy and .safetensors, mapped into memory. */
module dev.xent.files {
  requires transitive dev.xent;
  requires com.fasterxml.jackson.core;
  requires static org.jspecify;

  exports dev.xent.files;
}
