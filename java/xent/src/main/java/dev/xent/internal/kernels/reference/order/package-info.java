// SPDX-License-Identifier: Apache-2.0

/** What compares or orders classes: argmax, rank, top classes, entropy. */
@NullMarked
package dev.xent.internal.kernels.reference.order;

import org.jspecify.annotations.NullMarked;
