// SPDX-License-Identifier: Apache-2.0

/** TensorFlow tensors as tensors of Xent, without copies. */
module dev.xent.tensorflow {
  requires transitive dev.xent;
  requires transitive tensorflow;
  requires static org.jspecify;

  exports dev.xent.tensorflow;
}
