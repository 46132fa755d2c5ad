// SPDX-License-Identifier: Apache-2.0

/**
 * What Xent throws: a {@link dev.xent.errors.XentException} for what it refuses, and a {@link
 * dev.xent.errors.NativeLibraryException} for a native library that was demanded and cannot be
 * loaded. The message says what was given, what is needed, and the fix.
 */
@NullMarked
package dev.xent.errors;

import org.jspecify.annotations.NullMarked;
