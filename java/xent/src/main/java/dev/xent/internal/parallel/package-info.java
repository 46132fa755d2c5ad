// SPDX-License-Identifier: Apache-2.0

/** Threads that help a caller: how work is shared out, and who comes. Knows nothing of tensors. */
@NullMarked
package dev.xent.internal.parallel;

import org.jspecify.annotations.NullMarked;
