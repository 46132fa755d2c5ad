// SPDX-License-Identifier: Apache-2.0

/** The targets of a row, smoothed and weighted, and the sums over them. */
@NullMarked
package dev.xent.internal.kernels.reference.targets;

import org.jspecify.annotations.NullMarked;
