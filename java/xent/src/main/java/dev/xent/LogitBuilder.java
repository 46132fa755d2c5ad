// SPDX-License-Identifier: Apache-2.0
package dev.xent;

/**
 * The options of operations on logits without a loss: {@link Softmax}, {@link LogSoftmax}, {@link
 * LogSumExp}, {@link Entropy}, {@link TopK}, {@link SelectedLogProbabilities} and {@link
 * CrossEntropyHvp}.
 *
 * @param <B> the builder itself
 */
public abstract non-sealed class LogitBuilder<B extends OperationBuilder<B>>
    extends OperationBuilder<B> implements LogitOptions<B> {
  LogitBuilder() {}
}
