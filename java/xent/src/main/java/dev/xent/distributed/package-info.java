// SPDX-License-Identifier: Apache-2.0

/**
 * Work that is divided over tensors, threads, processes or machines, with the bits of the undivided
 * call.
 *
 * <ul>
 *   <li>Rows divided: each call sees some rows, and a {@link dev.xent.distributed.LossTally} adds
 *       their losses up exactly.
 *   <li>Classes divided: each shard ({@link dev.xent.distributed.CrossEntropyShard}, {@link
 *       dev.xent.distributed.SoftmaxShard}) makes {@link dev.xent.distributed.PartialStates} of its
 *       classes; merged and finished they are {@link dev.xent.distributed.RowStatistics}, with
 *       which every shard writes its part. A {@link dev.xent.distributed.SamplerShard} draws tokens
 *       with {@link dev.xent.distributed.SampleStates} that it exchanges with the others.
 * </ul>
 */
@NullMarked
package dev.xent.distributed;

import org.jspecify.annotations.NullMarked;
