// SPDX-License-Identifier: Apache-2.0

/**
 * TensorFlow tensors as tensors of Xent, without copies: {@link
 * dev.xent.tensorflow.TensorFlowTensors}.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent.tensorflow;

import org.jspecify.annotations.NullMarked;
