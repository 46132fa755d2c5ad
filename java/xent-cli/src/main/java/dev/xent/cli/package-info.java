// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code xent} command. Each subcommand is one class that reads its options, opens its files
 * ({@link dev.xent.files}), calls one operation of {@link dev.xent} and prints what came out;
 * {@link dev.xent.cli.Main} ties them together and {@link dev.xent.cli.ErrorLine} turns whatever
 * goes wrong into one line on standard error and exit code 2.
 */
package dev.xent.cli;
