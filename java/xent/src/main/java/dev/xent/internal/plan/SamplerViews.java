// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import org.jspecify.annotations.Nullable;

/**
 * What sampling reads beside logits, each of it only where it was given.
 *
 * @param classMask 0 for classes that are not there
 * @param bias what is added to the logits
 * @param promptTokens some classes of each row
 * @param outputTokens some classes of each row
 */
public record SamplerViews(
    @Nullable View classMask,
    @Nullable View bias,
    @Nullable View promptTokens,
    @Nullable View outputTokens) {
  /** Nothing. */
  public static final SamplerViews NONE = new SamplerViews(null, null, null, null);

  /** The same with this mask. */
  public SamplerViews withClassMask(View view) {
    return new SamplerViews(view, bias, promptTokens, outputTokens);
  }

  /** The same with this bias. */
  public SamplerViews withBias(View view) {
    return new SamplerViews(classMask, view, promptTokens, outputTokens);
  }

  /** The same with these tokens. */
  public SamplerViews withPromptTokens(View view) {
    return new SamplerViews(classMask, bias, view, outputTokens);
  }

  /** The same with these tokens. */
  public SamplerViews withOutputTokens(View view) {
    return new SamplerViews(classMask, bias, promptTokens, view);
  }

  @Override
  public String toString() {
    return new Described("SamplerInputs")
        .option("classMask", classMask, null)
        .option("bias", bias, null)
        .option("promptTokens", promptTokens, null)
        .option("outputTokens", outputTokens, null)
        .toString();
  }
}
