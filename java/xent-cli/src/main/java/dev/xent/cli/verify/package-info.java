// SPDX-License-Identifier: Apache-2.0
/** {@code xent verify}: are two files equal, and where are they not. */
package dev.xent.cli.verify;
