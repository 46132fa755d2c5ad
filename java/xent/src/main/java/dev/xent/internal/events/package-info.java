// SPDX-License-Identifier: Apache-2.0

/** What Xent tells the flight recorder of the JVM, where there is one. */
@NullMarked
package dev.xent.internal.events;

import org.jspecify.annotations.NullMarked;
