// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;

import dev.xent.Inputs;
import dev.xent.SamplerInputs;
import dev.xent.Tensor;
import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import org.jspecify.annotations.Nullable;

/** The optional input tensors of a call, by {@link Array}. Immutable. */
public final class InputViews implements Inputs, SamplerInputs {
  private static final @Nullable View[] NO_VIEWS = new View[Array.LAYOUTS];

  /** The inputs without any tensor of an operation. */
  public static final InputViews NONE = new InputViews("Inputs", NO_VIEWS, 0);

  /** The inputs without any tensor of a sampler. */
  public static final InputViews OF_SAMPLER = new InputViews("SamplerInputs", NO_VIEWS, 0);

  private final String name;
  private final @Nullable View[] views;

  /** The arrays that have a tensor, as bits; 0 in most calls. */
  private final long bits;

  private InputViews(String name, @Nullable View[] views, long bits) {
    this.name = name;
    this.views = views;
    this.bits = bits;
  }

  /** The inputs of an argument. */
  public static InputViews of(Inputs inputs) {
    return (InputViews) NullChecks.require(inputs, "inputs", "Inputs.none()");
  }

  /** The inputs of an argument. */
  public static InputViews of(SamplerInputs inputs) {
    return (InputViews) NullChecks.require(inputs, "inputs", "SamplerInputs.none()");
  }

  /** Returns these tensors and another one. */
  private InputViews with(Array array, Tensor tensor) {
    @Nullable View[] more = views.clone();
    more[array.ordinal()] = View.of(tensor, array.text);
    return new InputViews(name, more, bits | ArrayViews.bit(array));
  }

  @Override
  public InputViews withClassMask(Tensor flags) {
    return with(Array.CLASS_MASK, flags);
  }

  @Override
  public InputViews withSink(Tensor logits) {
    return with(Array.SINK, logits);
  }

  @Override
  public InputViews withRowOffsets(Tensor offsets) {
    return with(Array.ROW_OFFSETS, offsets);
  }

  @Override
  public InputViews withRowWeights(Tensor weights) {
    return with(Array.ROW_WEIGHTS, weights);
  }

  @Override
  public InputViews withTargetWeights(Tensor weights) {
    return with(Array.TARGET_WEIGHTS, weights);
  }

  @Override
  public InputViews withElementWeights(Tensor weights) {
    return with(Array.ELEMENT_WEIGHTS, weights);
  }

  @Override
  public InputViews withPositiveWeights(Tensor weights) {
    return with(Array.POSITIVE_WEIGHTS, weights);
  }

  @Override
  public InputViews withBias(Tensor numbers) {
    return with(Array.BIAS, numbers);
  }

  @Override
  public InputViews withBias(Tensor biasTokens, Tensor biasValues) {
    return with(Array.BIAS_TOKENS, biasTokens).with(Array.BIAS_VALUES, biasValues);
  }

  @Override
  public InputViews withPromptTokens(Tensor classes) {
    return with(Array.PROMPT_TOKENS, classes);
  }

  @Override
  public InputViews withOutputTokens(Tensor classes) {
    return with(Array.OUTPUT_TOKENS, classes);
  }

  @Override
  public InputViews withDrafts(Tensor draftTokens, Tensor draftProbabilities) {
    return with(Array.DRAFT_TOKENS, draftTokens)
        .with(Array.DRAFT_PROBABILITIES, draftProbabilities);
  }

  /** Returns the tensors that a function takes. */
  public InputViews of(Function function) {
    long some = bits;
    for (long left = bits; left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      some &= function.place(array) < 0 ? ~ArrayViews.bit(array) : -1;
    }
    return new InputViews(name, views, some);
  }

  /** The tensor of an array; null if the call does not have it. */
  public @Nullable View get(Array array) {
    return (bits & ArrayViews.bit(array)) == 0 ? null : views[array.ordinal()];
  }

  /** The arrays that have a tensor, as bits. */
  public long bits() {
    return bits;
  }

  /** Rejects inputs that a function does not take. */
  public void requireFor(Function function, String operation) {
    for (long left = bits; left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      if (function.place(array) < 0) {
        reject(array, operation);
      }
    }
  }

  /** Rejects an input if it is present. */
  public void reject(Array array, String operation) {
    View view = get(array);
    if (view != null) {
      throw new OptionException(
          message(
              "%s is %s, and %s has no such input; expected inputs without it",
              array.text, view, operation));
    }
  }

  @Override
  public String toString() {
    Described text = new Described(name);
    for (long left = bits; left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      text.with(array.text, views[array.ordinal()]);
    }
    return text.toString();
  }
}
