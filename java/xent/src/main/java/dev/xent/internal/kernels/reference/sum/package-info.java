// SPDX-License-Identifier: Apache-2.0

/** The first pass: states of chunks, and statistics of a row from its states. */
@NullMarked
package dev.xent.internal.kernels.reference.sum;

import org.jspecify.annotations.NullMarked;
