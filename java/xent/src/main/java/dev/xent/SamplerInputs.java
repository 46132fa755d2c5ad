// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.xent.errors.LabelException;
import dev.xent.internal.plan.arrays.InputViews;

/**
 * Further inputs of a {@link Sampler}: a mask of classes, a bias, and the tokens that came before.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="samplerInputs" :
 * SamplerInputs inputs = SamplerInputs.none().withBias(bias).withOutputTokens(tokensSoFar);
 * sampler.on(logits, tokens).inputs(inputs).run(step);
 * }
 *
 * <p>Instances are immutable views, as tensors are: each method returns another instance, any
 * number of calls and threads may use one, and each call reads what the tensors hold then. None of
 * the tensors may overlap what a call writes.
 */
@CheckReturnValue
public sealed interface SamplerInputs permits InputViews {
  /** Returns inputs without any array. */
  static SamplerInputs none() {
    return InputViews.OF_SAMPLER;
  }

  /**
   * Returns inputs with a mask of classes. A class whose flag is 0 does not exist: its logit, even
   * a NaN, changes no result, log-probabilities included. To forbid a class of the model, set a
   * {@linkplain #withBias} of -inf: its probability then still counts in {@link
   * SamplerOutputs#logProbabilities}.
   *
   * @param flags U8 or I8, as of a {@code byte[]}, 0 or anything else: in the shape of the logits,
   *     with sizes of 1 broadcast, except the number of classes; or one dimension, the same for all
   *     rows. Or I32 or U32, with 32 classes in each number, as engines for grammars have them:
   *     class {@code c} is bit {@code c % 32}, from the lowest on, of number {@code c / 32}, and
   *     there are {@code ceil(classes / 32)} along the class axis
   */
  SamplerInputs withClassMask(Tensor flags);

  /**
   * Returns inputs with a number per class that is added to its logit, before penalties and
   * temperature; -inf forbids the class.
   *
   * @param numbers F32, F16 or BF16, in the shape of the logits, with sizes of 1 broadcast, except
   *     the number of classes; or one dimension, the same for all rows
   */
  SamplerInputs withBias(Tensor numbers);

  /**
   * Returns inputs with a bias of some classes of each row, which is added after {@link
   * #withBias(Tensor)}; -inf forbids the class.
   *
   * @param biasTokens the classes, of any integer type, in the shape of the logits with any number
   *     of them along the class axis; -1 marks an unused entry, in types with a sign. Of a class
   *     that is there twice the last one counts
   * @param biasValues F32, F16 or BF16, of each of them, in the same shape
   */
  SamplerInputs withBias(Tensor biasTokens, Tensor biasValues);

  /**
   * Returns inputs with the tokens of the prompts: {@link Sampler.Builder#repetitionPenalty}
   * applies to them and to the output tokens.
   *
   * @param classes of any integer type, in the shape of the logits with the length of the longest
   *     prompt along the class axis; -1 marks an unused entry, in types with a sign. A number that
   *     is neither is a {@link LabelException}
   */
  SamplerInputs withPromptTokens(Tensor classes);

  /**
   * Returns inputs with the tokens that were sampled so far, for all penalties.
   *
   * @param classes as {@link #withPromptTokens} has them
   */
  SamplerInputs withOutputTokens(Tensor classes);

  /**
   * Returns inputs with a draft of each row: a token that another model drew. It is accepted with
   * the probability {@code min(1, p / q)}, where {@code p} is its probability of this sampler, and
   * {@code q} that of the other model; else the token is drawn from {@code max(p - q, 0)}. So
   * tokens have the probabilities of this sampler, and a token is its draft if and only if the
   * draft was accepted. A greedy sampler ignores drafts.
   *
   * @param draftTokens the classes, of any integer type, in the shape of the tokens; -1 marks a row
   *     without a draft, in types with a sign. A number that is neither is a {@link LabelException}
   * @param draftProbabilities {@code q}: F32, F16 or BF16, in the shape of the logits: of all
   *     classes, after temperature and filters of the other model. At a draft it must be above 0
   *     and at most 1, or the call throws an {@link dev.xent.errors.OptionException}. Other classes
   *     are not checked: NaN and negative numbers count as 0, numbers above 1 as 1
   */
  SamplerInputs withDrafts(Tensor draftTokens, Tensor draftProbabilities);

  /** Returns the inputs that are set: {@code SamplerInputs[bias=F32 [10]]}. */
  @Override
  String toString();
}
