// SPDX-License-Identifier: Apache-2.0

/**
 * Softmax, log-softmax and cross-entropy, computed in place on memory that you already have.
 *
 * <p>A {@link dev.xent.Tensor} is a view of memory. Operations ({@link dev.xent.Softmax}, {@link
 * dev.xent.LogSoftmax}, {@link dev.xent.LogSumExp}, {@link dev.xent.TopK}, {@link dev.xent.Argmax},
 * {@link dev.xent.Entropy}, {@link dev.xent.Sigmoid}, {@link dev.xent.LogSigmoid}, {@link
 * dev.xent.SelectedLogProbabilities}, {@link dev.xent.Sampler}, {@link dev.xent.CrossEntropy},
 * {@link dev.xent.LinearCrossEntropy}, {@link dev.xent.CrossEntropyHvp}, {@link dev.xent.NllLoss},
 * {@link dev.xent.Divergence}, {@link dev.xent.BinaryCrossEntropy}) are immutable and safe for use
 * by many threads; they read and write your tensors, and small calls allocate nothing. All backends
 * and instruction sets return the same bits. Invalid arguments throw a {@link
 * dev.xent.errors.XentException} before anything is written.
 *
 * <p>Work that is divided over threads, processes or machines has the bits of the undivided call: a
 * {@link dev.xent.LossSum} adds up the losses of rows that are divided, and where classes are
 * divided, each shard ({@link dev.xent.CrossEntropyShard}, {@link dev.xent.SoftmaxShard}) computes
 * with its own and exchanges states with the others.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent;

import org.jspecify.annotations.NullMarked;
