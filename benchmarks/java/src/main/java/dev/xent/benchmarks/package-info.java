// SPDX-License-Identifier: Apache-2.0
/**
 * Xent and its peers on the same memory, side by side; {@link dev.xent.benchmarks.Main} runs it.
 */
@NullMarked
package dev.xent.benchmarks;

import org.jspecify.annotations.NullMarked;
