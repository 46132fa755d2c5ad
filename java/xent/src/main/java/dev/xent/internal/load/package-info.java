// SPDX-License-Identifier: Apache-2.0

/** The settings, the loading of the native library, and the choice between the backends. */
@NullMarked
package dev.xent.internal.load;

import org.jspecify.annotations.NullMarked;
