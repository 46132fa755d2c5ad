// SPDX-License-Identifier: Apache-2.0
/**
 * The pages of the repository kept honest: their links lead somewhere, their programs and commands
 * print what the pages say, their tables name what there is.
 */
package dev.xent.docs;
