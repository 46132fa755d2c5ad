// SPDX-License-Identifier: Apache-2.0
/**
 * Files of numbers as tensors: {@link dev.xent.files.Npy} for NumPy's .npy, {@link
 * dev.xent.files.Safetensors} for the weights of models. Files are mapped unless a method says that
 * it reads or copies. {@link dev.xent.files.WholeFile} writes files so that they appear complete or
 * not at all.
 *
 * <p><b>Shared memory.</b> A tensor of a mapped file is a view of the operating system's page cache
 * of that file: nothing is copied, and only the pages that are used are read from the disk, so a
 * file may be larger than the memory of the machine. Tensors of opened files are read-only.
 *
 * <p><b>Lifetime.</b> The {@link java.lang.foreign.Arena} that you pass owns the mapping. The
 * mapping lives until the arena is closed (or, for {@link java.lang.foreign.Arena#ofAuto()}, until
 * its memory is unreachable), and any later use of its tensors throws. The file itself is closed
 * before the method returns; it may be renamed or deleted while it is mapped. It must not be
 * truncated: reading the missing part throws an {@link InternalError} in Java code and crashes the
 * process in native code. If others may truncate a file, read it instead: {@link
 * dev.xent.files.Npy#read}, {@link dev.xent.files.Npy#copy}.
 *
 * <p><b>Errors.</b> An unusable file causes a {@link dev.xent.files.FileException}, whose message
 * is one line that names the file, the cause and the fix. Headers are untrusted input: they have a
 * maximum size, are parsed without recursion and are checked completely before anything is mapped.
 *
 * <p><b>Threads.</b> All methods may be called by any number of threads; the memory follows the
 * rules of its arena.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent.files;

import org.jspecify.annotations.NullMarked;
