// SPDX-License-Identifier: Apache-2.0

/** Outputs per class: softmax, log-softmax and gradients. */
@NullMarked
package dev.xent.internal.kernels.reference.emit;

import org.jspecify.annotations.NullMarked;
