// SPDX-License-Identifier: Apache-2.0

/** Operations that turn logits into probabilities, classes or sums. */
@NullMarked
package dev.xent.internal.plan.logits;

import org.jspecify.annotations.NullMarked;
