// SPDX-License-Identifier: Apache-2.0

/**
 * One call of an operation: its arguments, arrays and structs, its threads, and calls that are
 * bound.
 */
@NullMarked
package dev.xent.internal.plan.call;

import org.jspecify.annotations.NullMarked;
