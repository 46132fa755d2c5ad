// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;

/** The library whose defaults a cross-entropy uses. */
enum Rules {
  /** Xent. */
  XENT,
  /** PyTorch's CrossEntropyLoss. */
  PYTORCH,
  /** ONNX's SoftmaxCrossEntropyLoss. */
  ONNX;

  /** A builder with these defaults. */
  CrossEntropy.Builder builder() {
    return switch (this) {
      case XENT -> CrossEntropy.builder();
      case PYTORCH -> CrossEntropy.pytorchRules();
      case ONNX -> CrossEntropy.onnxRules();
    };
  }

  /** The default class axis. */
  int axis() {
    return this == XENT ? -1 : 1;
  }
}
