// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.Sampler;
import dev.xent.SamplerCall;
import dev.xent.SamplerInputs;
import dev.xent.Tensor;

/**
 * A grammar and a bias of two tokens, as servers of language models have them. The grammar says
 * after each token which come next, as a bit per token; the bits are read where they are.
 */
public final class GrammarTokens {
  private static final String VOCABULARY = "0123456789.;";
  private static final int DIGITS = (1 << 10) - 1;
  private static final int POINT = 1 << 10;
  private static final int END = 1 << 11;

  private GrammarTokens() {}

  public static void main(String[] arguments) {
    int classes = VOCABULARY.length();
    float[] logits = new float[classes];
    int[] bits = new int[(classes + 31) / 32]; // which the grammar writes
    int[] token = new int[1];

    Tensor biased = Tensor.of(new int[] {7, 0}, 2);
    Tensor values = Tensor.of(new float[] {Float.NEGATIVE_INFINITY, -2}, 2); // no 7, few zeros
    SamplerInputs inputs =
        SamplerInputs.none().withClassMask(Tensor.of(bits)).withBias(biased, values);
    Sampler sampler = Sampler.builder().temperature(0.9).topP(0.95).seed(11).build();
    SamplerCall call = sampler.on(Tensor.of(logits), Tensor.of(token)).inputs(inputs);

    StringBuilder text = new StringBuilder();
    for (int step = 0; step < 40; step++) {
      model(text, logits);
      bits[0] = next(text);
      call.run(step);
      text.append(VOCABULARY.charAt(token[0]));
    }
    System.out.println(text);
  }

  /** The tokens that may come next: numbers with one point in the middle, each ended by one. */
  private static int next(CharSequence text) {
    int begin = text.toString().lastIndexOf(';') + 1;
    CharSequence number = text.subSequence(begin, text.length());
    boolean digit = number.length() > 0 && number.charAt(number.length() - 1) != '.';
    boolean point = number.toString().indexOf('.') >= 0;
    return DIGITS | (digit && !point ? POINT : 0) | (digit && point ? END : 0);
  }

  /** The logits of the next token. */
  private static void model(CharSequence text, float[] logits) {
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) (2 * Math.sin(text.length() * 5 + i * i));
    }
  }
}
