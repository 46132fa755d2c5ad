// SPDX-License-Identifier: Apache-2.0

/** The events that Xent records with the JVM's flight recorder, if there is one. */
@NullMarked
package dev.xent.internal.events;

import org.jspecify.annotations.NullMarked;
