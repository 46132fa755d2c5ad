// SPDX-License-Identifier: Apache-2.0

/**
 * Load: many threads share operations and layers for a long time. Every result is compared with
 * what the reference computed beforehand; memory, threads, files and the collector's pauses are
 * watched.
 */
@NullMarked
package dev.xent.load;

import org.jspecify.annotations.NullMarked;
