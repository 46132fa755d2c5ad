// SPDX-License-Identifier: Apache-2.0

/** The choices that the builders of operations offer. */
@NullMarked
package dev.xent.options;

import org.jspecify.annotations.NullMarked;
