// SPDX-License-Identifier: Apache-2.0

/** What a call is given: structs, arrays and ranges, as the caller made them. */
@NullMarked
package dev.xent.internal.kernels.reference.call;

import org.jspecify.annotations.NullMarked;
