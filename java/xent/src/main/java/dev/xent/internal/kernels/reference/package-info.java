// SPDX-License-Identifier: Apache-2.0

/**
 * The arithmetic of conformance/numerics.md in plain Java. It is the fallback without the native
 * library, and tests compare every bit of the library with it.
 */
@NullMarked
package dev.xent.internal.kernels.reference;

import org.jspecify.annotations.NullMarked;
