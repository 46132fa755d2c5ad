// SPDX-License-Identifier: Apache-2.0

/** Losses of logits. */
@NullMarked
package dev.xent.internal.plan.loss;

import org.jspecify.annotations.NullMarked;
