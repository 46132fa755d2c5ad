// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.sample.TokenOutputs;
import org.jspecify.annotations.Nullable;

/**
 * Further results of a call. Set once what you want, then pass it to any number of calls; each
 * overwrites the numbers and tensors of the one before.
 *
 * <p>Not safe for use by several threads at once. Before the first call that succeeds counts are
 * -1. A call that fails leaves the numbers of the call before, but a cursor that throws a {@link
 * dev.xent.errors.NoTokenException} has written that 0 rows have a token.
 */
public sealed interface SamplerOutputs permits TokenOutputs {
  /** Returns new outputs, which request only the numbers of a call. */
  static SamplerOutputs create() {
    return new TokenOutputs();
  }

  /**
   * Requests the log-probability of each token in the softmax of all classes, without filters,
   * bias, penalties and temperature: the bits of {@link LossOutputs#logProbabilities} with the
   * token as label. NaN without a token.
   *
   * @param tensor F32, F16 or BF16, in the shape of the rows, or null to cancel the request
   */
  default SamplerOutputs logProbabilities(@Nullable Tensor tensor) {
    return ask(Array.LOG_PROBABILITIES, tensor);
  }

  /**
   * Requests the logarithm of the probability that each token was drawn with: among the classes
   * that were kept, with bias, penalties and temperature. 0 if it was the only one, NaN without a
   * token.
   *
   * @param tensor F32, F16 or BF16, in the shape of the rows, or null to cancel the request
   */
  default SamplerOutputs processedLogProbabilities(@Nullable Tensor tensor) {
    return ask(Array.PROCESSED_LOG_PROBABILITIES, tensor);
  }

  /**
   * Requests the number of classes that the filters kept; 0 without a token.
   *
   * @param tensor I32 or I64, in the shape of the rows, or null to cancel the request
   */
  default SamplerOutputs kept(@Nullable Tensor tensor) {
    return ask(Array.KEPT, tensor);
  }

  /**
   * Requests 1 at every class that the filters kept, 0 at others: a {@linkplain
   * Inputs#withClassMask class mask} for other operations.
   *
   * @param tensor U8 or I8, in the shape of the logits, or null to cancel the request
   */
  default SamplerOutputs keptMask(@Nullable Tensor tensor) {
    return ask(Array.KEPT_MASK, tensor);
  }

  /**
   * Requests the number of classes that come before the token in the order of the logits as they
   * came; -1 without a token.
   *
   * @param tensor I32 or I64, in the shape of the rows, or null to cancel the request
   */
  default SamplerOutputs ranks(@Nullable Tensor tensor) {
    return ask(Array.RANKS, tensor);
  }

  /**
   * Requests the entropy of the softmax of all classes; NaN without a token.
   *
   * @param tensor F32, F16 or BF16, in the shape of the rows, or null to cancel the request
   */
  default SamplerOutputs entropies(@Nullable Tensor tensor) {
    return ask(Array.ENTROPIES, tensor);
  }

  /**
   * Requests the classes of the {@code k} largest logits as they came, in falling order; -1 without
   * a token.
   *
   * @param tensor I32 or I64, in the shape of the logits with {@code k} along the class axis, or
   *     null to cancel the request
   */
  default SamplerOutputs topClasses(@Nullable Tensor tensor) {
    return ask(Array.TOP_CLASSES, tensor);
  }

  /**
   * Writes the log-probabilities of these classes, those of {@link TopK} except for the last digit;
   * NaN without a token.
   *
   * @param tensor F32, F16 or BF16, in the shape of {@link #topClasses}, or null to cancel the
   *     request
   */
  default SamplerOutputs topLogProbabilities(@Nullable Tensor tensor) {
    return ask(Array.TOP_LOG_PROBABILITIES, tensor);
  }

  /** Returns the number of rows. */
  default long rows() {
    return outputs().rows;
  }

  /** Returns the number of rows that have a token. */
  default long sampled() {
    return outputs().sampled;
  }

  /** Returns the outputs that are set, and the numbers of the last call, in one line. */
  @Override
  String toString();

  private SamplerOutputs ask(Array array, @Nullable Tensor tensor) {
    outputs().set(array, (View) tensor);
    return this;
  }

  private TokenOutputs outputs() {
    return (TokenOutputs) this;
  }
}
