// SPDX-License-Identifier: Apache-2.0

/**
 * ONNX Runtime tensors as tensors of Xent and back, without copies: {@link
 * dev.xent.onnxruntime.OnnxRuntimeTensors}.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent.onnxruntime;

import org.jspecify.annotations.NullMarked;
