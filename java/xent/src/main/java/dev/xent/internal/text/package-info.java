// SPDX-License-Identifier: Apache-2.0

/** The texts of messages. */
@NullMarked
package dev.xent.internal.text;

import org.jspecify.annotations.NullMarked;
