// SPDX-License-Identifier: Apache-2.0

/**
 * Programs that use Xent with other systems: each is one file with a {@code main}, and prints what
 * the guides in docs/guide show.
 */
package dev.xent.examples;
