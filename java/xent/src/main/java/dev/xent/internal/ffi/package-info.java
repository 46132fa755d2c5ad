// SPDX-License-Identifier: Apache-2.0

/**
 * What jextract makes of include/xent.h, checked in so that nobody needs jextract to build. The profile
 * {@code jextract} writes it; AbiFactsTest and SignaturesTest fail if the header says something else.
 *
 * <p>Only what Java calls is bound, and nothing that grows with the functions and arrays of the header:
 * tools/functions.py writes those into {@code dev.xent.internal.kernels}.
 *
 * <p>Struct accessors and constants need no native library. The nested classes of functions look their
 * symbol up when they are first used: only after the library has been loaded.
 */
package dev.xent.internal.ffi;
