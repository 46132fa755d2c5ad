// SPDX-License-Identifier: Apache-2.0

/** Arithmetic in float32 and in float64: the operations that depend on the type. */
@NullMarked
package dev.xent.internal.kernels.reference.math;

import org.jspecify.annotations.NullMarked;
