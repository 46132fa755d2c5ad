// SPDX-License-Identifier: Apache-2.0
/**
 * Files of numbers as tensors, mapped and not read: {@link dev.xent.files.Npy} for NumPy's .npy,
 * {@link dev.xent.files.Safetensors} for the weights of models. {@link dev.xent.files.WholeFile} is
 * how files are written here: they appear whole or not at all.
 *
 * <p><b>What is shared.</b> A tensor of a mapped file is a view of the operating system's cache of
 * that file: nothing is copied, and only the pages that are used are read from the disk, so a file
 * may be larger than the memory of the machine. Tensors of files that were opened are read-only.
 *
 * <p><b>Lifetime.</b> The {@link java.lang.foreign.Arena} that is given owns the mapping: it lives
 * until the arena is closed (or, for {@link java.lang.foreign.Arena#ofAuto()}, until nothing refers
 * to its memory), and tensors are refused from then on. The file itself is closed before the method
 * returns; it may be renamed or deleted while it is mapped. It must not be made shorter: reading
 * what is no longer there ends in an {@link InternalError} in Java code, and in the end of the
 * process in native code. Files that others may shorten are read instead: {@link
 * dev.xent.files.Npy#read}, {@link dev.xent.files.Npy#copy}.
 *
 * <p><b>Errors.</b> What is wrong with a file is a {@link dev.xent.files.FileException} of one line
 * that names the file, the cause and the fix. Headers come from strangers: they are bounded, parsed
 * without recursion and checked in full before anything is mapped.
 *
 * <p><b>Threads.</b> All methods may be called by any number of threads; the memory follows the
 * rules of its arena.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent.files;

import org.jspecify.annotations.NullMarked;
