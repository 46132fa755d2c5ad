// SPDX-License-Identifier: Apache-2.0
/**
 * {@code xent bench}: how fast this machine computes, beside the speed of its memory.
 *
 * <p>A {@link dev.xent.cli.bench.Problem} is the memory of one {@link dev.xent.cli.bench.Operation}
 * on one {@link dev.xent.cli.bench.Shape}; each {@link dev.xent.cli.bench.Tier} computes on it, is
 * checked bit by bit ({@link dev.xent.cli.bench.Check}), and is timed in turns with memcpy and a
 * read of the same memory ({@link dev.xent.cli.bench.Stopwatch}). What comes out is a list of
 * {@link dev.xent.cli.bench.Result}s, shown by {@link dev.xent.cli.bench.TextReport}, {@link
 * dev.xent.cli.bench.JsonReport} and {@link dev.xent.cli.bench.HtmlReport}.
 */
package dev.xent.cli.bench;
