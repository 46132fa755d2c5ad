// SPDX-License-Identifier: Apache-2.0

/** From tensors to kernels: shapes, checks, and the division of work. */
@NullMarked
package dev.xent.internal.plan;

import org.jspecify.annotations.NullMarked;
