// SPDX-License-Identifier: Apache-2.0

/** What operations are built with: their options, their reductions, and who computes. */
@NullMarked
package dev.xent.internal.plan.options;

import org.jspecify.annotations.NullMarked;
