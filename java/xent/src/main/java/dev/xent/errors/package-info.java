// SPDX-License-Identifier: Apache-2.0

/**
 * What Xent throws: every exception is a {@link dev.xent.errors.XentException}, and its message
 * says what was given, what is needed, and the fix.
 */
@NullMarked
package dev.xent.errors;

import org.jspecify.annotations.NullMarked;
