// SPDX-License-Identifier: Apache-2.0

/** Results per row: loss, log-sum-exp, hit; and exact sums of losses. */
@NullMarked
package dev.xent.internal.kernels.reference.results;

import org.jspecify.annotations.NullMarked;
