// SPDX-License-Identifier: Apache-2.0

/** Tensors for the kernels: memory, strides, the pieces of a call, and their checks. */
@NullMarked
package dev.xent.internal.plan.arrays;

import org.jspecify.annotations.NullMarked;
