// SPDX-License-Identifier: Apache-2.0

/** From logits to the next token: order, weights, filters and the draw. */
@NullMarked
package dev.xent.internal.kernels.reference.sample;

import org.jspecify.annotations.NullMarked;
