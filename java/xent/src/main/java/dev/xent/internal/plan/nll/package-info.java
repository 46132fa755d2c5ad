// SPDX-License-Identifier: Apache-2.0

/** The negative log-likelihood of log-probabilities, and the weights of rows. */
@NullMarked
package dev.xent.internal.plan.nll;

import org.jspecify.annotations.NullMarked;
