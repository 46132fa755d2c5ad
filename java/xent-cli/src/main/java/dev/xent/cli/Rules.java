// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;

/** Whose rules a cross-entropy follows where options say nothing. */
enum Rules {
  /** Xent's own. */
  XENT,
  /** Those of PyTorch's CrossEntropyLoss. */
  PYTORCH,
  /** Those of ONNX's SoftmaxCrossEntropyLoss. */
  ONNX;

  /** A builder that begins with them. */
  CrossEntropy.Builder builder() {
    return switch (this) {
      case XENT -> CrossEntropy.builder();
      case PYTORCH -> CrossEntropy.pytorchRules();
      case ONNX -> CrossEntropy.onnxRules();
    };
  }

  /** The class axis where none is given. */
  int axis() {
    return this == XENT ? -1 : 1;
  }
}
