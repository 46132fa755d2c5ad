// SPDX-License-Identifier: Apache-2.0

/** Losses of logits, log-probabilities and hidden states. */
@NullMarked
package dev.xent.internal.plan.loss;

import org.jspecify.annotations.NullMarked;
