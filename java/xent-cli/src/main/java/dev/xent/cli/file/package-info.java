// SPDX-License-Identifier: Apache-2.0
/**
 * Files that are written: each appears whole or not at all ({@link dev.xent.cli.file.WholeFile}).
 */
package dev.xent.cli.file;
