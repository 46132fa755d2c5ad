// SPDX-License-Identifier: Apache-2.0

/**
 * What jextract makes of include/xent.h, checked in so that nobody needs jextract to build. The profile
 * {@code jextract} writes it; a test fails when the header has changed since.
 *
 * <p>Struct accessors and constants need no native library. The nested classes of functions look their
 * symbol up when they are first used: only after the library has been loaded.
 */
package dev.xent.internal.ffi;
