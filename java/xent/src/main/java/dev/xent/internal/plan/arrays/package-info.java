// SPDX-License-Identifier: Apache-2.0

/**
 * Tensors as the kernels see them: memory, strides, the pieces of a call, and the checks of each.
 */
@NullMarked
package dev.xent.internal.plan.arrays;

import org.jspecify.annotations.NullMarked;
