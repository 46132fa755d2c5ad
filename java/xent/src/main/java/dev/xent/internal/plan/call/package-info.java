// SPDX-License-Identifier: Apache-2.0

/**
 * One call of an operation. An {@link dev.xent.internal.plan.call.Operation} finds a {@link
 * dev.xent.internal.plan.call.Checked} call that fits in the {@link
 * dev.xent.internal.plan.call.Site} that it lends, or makes one by a {@link
 * dev.xent.internal.plan.call.Check}. A short call then runs a prepared {@link
 * dev.xent.internal.plan.call.ShortKernel} or two; any other call is a {@link
 * dev.xent.internal.plan.call.Run}, whose rows the threads of a {@link
 * dev.xent.internal.plan.call.Team} claim. Nothing else is kept between two calls.
 */
@NullMarked
package dev.xent.internal.plan.call;

import org.jspecify.annotations.NullMarked;
