// SPDX-License-Identifier: Apache-2.0

/** Rows and chunks of logits, targets and weights, of any element type. */
@NullMarked
package dev.xent.internal.kernels.reference.load;

import org.jspecify.annotations.NullMarked;
