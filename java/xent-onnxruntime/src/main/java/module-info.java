// SPDX-License-Identifier: Apache-2.0

/** ONNX Runtime tensors as tensors of Xent and back, without copies. */
// ONNX Runtime declares its module name in its manifest.
@SuppressWarnings({"requires-automatic", "requires-transitive-automatic"})
module dev.xent.onnxruntime {
  requires transitive dev.xent;
  requires transitive com.microsoft.onnxruntime;
  requires static org.jspecify;

  exports dev.xent.onnxruntime;
}
