// SPDX-License-Identifier: Apache-2.0
/**
 * NumPy's .npy files as tensors: mapped, not read, and written so that a file appears whole or not
 * at all.
 *
 * <p>{@link dev.xent.cli.npy.NpyFile} opens one, {@link dev.xent.cli.npy.NpyOutput} makes one,
 * {@link dev.xent.cli.npy.NpyHeader} is the form of what stands before the numbers. Every refusal
 * is a {@link dev.xent.cli.file.FileException} of one line that names the file, the cause and the
 * fix.
 */
package dev.xent.cli.npy;
