// SPDX-License-Identifier: Apache-2.0

/** What every class has a number of: softmax, log-softmax and gradients. */
@NullMarked
package dev.xent.internal.kernels.reference.emit;

import org.jspecify.annotations.NullMarked;
