// SPDX-License-Identifier: Apache-2.0

/** What a row has one number of: loss, log-sum-exp, hit; and exact sums of losses. */
@NullMarked
package dev.xent.internal.kernels.reference.results;

import org.jspecify.annotations.NullMarked;
