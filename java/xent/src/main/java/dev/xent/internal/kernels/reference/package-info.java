// SPDX-License-Identifier: Apache-2.0

/**
 * The arithmetic of docs/spec/numerics.md in plain Java: the fallback, and the second opinion on
 * every bit of the native library.
 */
@NullMarked
package dev.xent.internal.kernels.reference;

import org.jspecify.annotations.NullMarked;
