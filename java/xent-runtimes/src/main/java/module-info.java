// SPDX-License-Identifier: Apache-2.0

/** Tensors of ONNX Runtime, DJL and TensorFlow as tensors of Xent and back, without copies. */
// ONNX Runtime and DJL declare their module names in their manifests.
@SuppressWarnings({"requires-automatic", "requires-transitive-automatic"})
module dev.xent.runtimes {
  requires transitive dev.xent;
  // A program requires the one that it uses.
  requires static transitive ai.djl.api;
  requires static transitive com.microsoft.onnxruntime;
  requires static transitive tensorflow;
  requires static org.jspecify;

  exports dev.xent.runtimes;
}
