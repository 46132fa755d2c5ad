// SPDX-License-Identifier: Apache-2.0

/** The functions of the C API over the rows of a checked call. */
@NullMarked
package dev.xent.internal.kernels.reference.rows;

import org.jspecify.annotations.NullMarked;
