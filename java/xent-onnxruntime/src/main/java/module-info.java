// SPDX-License-Identifier: Apache-2.0

/** Tensors of ONNX Runtime as tensors of Xent and back, without copies. */
// ONNX Runtime's name for its module stands in its manifest.
@SuppressWarnings({"requires-automatic", "requires-transitive-automatic"})
module dev.xent.onnxruntime {
  requires transitive dev.xent;
  requires transitive com.microsoft.onnxruntime;
  requires static org.jspecify;

  exports dev.xent.onnxruntime;
}
