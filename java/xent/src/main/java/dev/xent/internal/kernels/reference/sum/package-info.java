// SPDX-License-Identifier: Apache-2.0

/** The first pass: chunks to states, states to the statistics of a row. */
@NullMarked
package dev.xent.internal.kernels.reference.sum;

import org.jspecify.annotations.NullMarked;
