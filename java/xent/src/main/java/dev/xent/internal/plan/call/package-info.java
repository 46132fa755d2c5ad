// SPDX-License-Identifier: Apache-2.0

/**
 * One call of an operation: its arguments, arrays, structs and threads; bound and prepared calls.
 */
@NullMarked
package dev.xent.internal.plan.call;

import org.jspecify.annotations.NullMarked;
