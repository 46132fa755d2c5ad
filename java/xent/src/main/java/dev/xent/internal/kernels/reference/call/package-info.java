// SPDX-License-Identifier: Apache-2.0

/** The arguments of a call: structs, arrays and ranges, as the caller passed them. */
@NullMarked
package dev.xent.internal.kernels.reference.call;

import org.jspecify.annotations.NullMarked;
