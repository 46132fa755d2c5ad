// SPDX-License-Identifier: Apache-2.0

/**
 * Exceptions: {@link dev.xent.errors.XentException} for invalid arguments, and {@link
 * dev.xent.errors.NativeLibraryException} for a native library that is required and cannot be
 * loaded. The message names the argument, the problem and the fix.
 */
@NullMarked
package dev.xent.errors;

import org.jspecify.annotations.NullMarked;
