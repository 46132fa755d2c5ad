// SPDX-License-Identifier: Apache-2.0

/** The configuration of operations: options, reductions and the engine that computes them. */
@NullMarked
package dev.xent.internal.plan.options;

import org.jspecify.annotations.NullMarked;
