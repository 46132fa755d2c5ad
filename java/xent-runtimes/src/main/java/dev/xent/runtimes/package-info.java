// SPDX-License-Identifier: Apache-2.0

/**
 * Tensors of model runtimes as tensors of Xent and back, without copies: {@link
 * dev.xent.runtimes.OnnxRuntimeTensors}, {@link dev.xent.runtimes.DjlTensors} and {@link
 * dev.xent.runtimes.TensorFlowTensors}. A program needs only the runtime whose class it uses.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent.runtimes;

import org.jspecify.annotations.NullMarked;
