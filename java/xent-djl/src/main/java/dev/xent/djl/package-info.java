// SPDX-License-Identifier: Apache-2.0

/**
 * Arrays of DJL's PyTorch engine as tensors of Xent and back, without copies: {@link
 * dev.xent.djl.DjlTensors}.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent.djl;

import org.jspecify.annotations.NullMarked;
