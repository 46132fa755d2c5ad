// SPDX-License-Identifier: Apache-2.0

/** The settings, the native library's way into the process, and the choice between the backends. */
@NullMarked
package dev.xent.internal.load;

import org.jspecify.annotations.NullMarked;
