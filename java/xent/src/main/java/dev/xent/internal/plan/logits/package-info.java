// SPDX-License-Identifier: Apache-2.0

/** Operations that compute probabilities, classes or sums from logits. */
@NullMarked
package dev.xent.internal.plan.logits;

import org.jspecify.annotations.NullMarked;
