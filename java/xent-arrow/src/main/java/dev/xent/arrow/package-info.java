// SPDX-License-Identifier: Apache-2.0

/**
 * Xent and Apache Arrow: {@link dev.xent.arrow.ArrowTensors} makes tensors over the memory of
 * vectors, and vectors over the memory of tensors. Only the methods named {@code copy} copy.
 *
 * <p>Nothing is null.
 */
@NullMarked
package dev.xent.arrow;

import org.jspecify.annotations.NullMarked;
