// SPDX-License-Identifier: Apache-2.0

/** Results that compare or order classes: argmax, rank, top classes, entropy. */
@NullMarked
package dev.xent.internal.kernels.reference.order;

import org.jspecify.annotations.NullMarked;
