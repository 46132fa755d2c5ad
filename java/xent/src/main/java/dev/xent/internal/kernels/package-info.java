// SPDX-License-Identifier: Apache-2.0

/** The C API as a Java interface, and the implementation that calls the native library. */
@NullMarked
package dev.xent.internal.kernels;

import org.jspecify.annotations.NullMarked;
