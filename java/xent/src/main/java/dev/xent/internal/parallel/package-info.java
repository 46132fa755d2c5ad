// SPDX-License-Identifier: Apache-2.0

/**
 * Helper threads: splits work into ranges and assigns the ranges to threads. Independent of
 * tensors.
 */
@NullMarked
package dev.xent.internal.parallel;

import org.jspecify.annotations.NullMarked;
