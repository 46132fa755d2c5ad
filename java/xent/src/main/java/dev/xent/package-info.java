// SPDX-License-Identifier: Apache-2.0

/** Softmax, log-softmax and cross-entropy. */
@NullMarked
package dev.xent;

import org.jspecify.annotations.NullMarked;
