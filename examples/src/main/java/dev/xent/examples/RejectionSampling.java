// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.Inputs;
import dev.xent.Sampler;
import dev.xent.SamplerCursor;
import dev.xent.SamplerOutputs;
import dev.xent.Softmax;
import dev.xent.Tensor;
import java.util.Locale;

/**
 * A small model drafts four tokens, and a large model checks them by rejection sampling: a draft x
 * is kept with probability min(1, p(x) / q(x)), else the token is drawn from max(p - q, 0), where p
 * is what the large model samples from, and q what the small one does. The tokens have the
 * distribution p.
 */
public final class RejectionSampling {
  private static final int CLASSES = TwoModels.CLASSES;
  private static final int DRAFTS = 4;
  private static final int TEXTS = 20_000;
  private static final double TEMPERATURE = 0.8;

  private final Softmax softmax = Softmax.builder().temperature(TEMPERATURE).build();
  private final int[] drafts = new int[DRAFTS];
  private final int[] tokens = new int[DRAFTS + 1];
  private final float[] p = new float[CLASSES];
  private final float[][] q = new float[DRAFTS][CLASSES];
  private final float[][] logits = new float[DRAFTS + 1][];

  private RejectionSampling() {}

  public static void main(String[] arguments) {
    RejectionSampling texts = new RejectionSampling();
    int[] counts = new int[CLASSES];
    int accepted = 0;
    for (int text = 0; text < TEXTS; text++) {
      accepted += texts.step(text, 0);
      counts[texts.tokens[0]]++;
    }
    texts.probabilities(text(0), TwoModels.large(0), texts.p);
    double chiSquare = 0;
    int kept = 0;
    for (int c = 0; c < CLASSES; c++) {
      double expected = (double) texts.p[c] * TEXTS;
      if (expected > 0) {
        chiSquare += (counts[c] - expected) * (counts[c] - expected) / expected;
        kept++;
      } else if (counts[c] > 0) {
        throw new AssertionError("token " + c + " is not one that the large model keeps");
      }
    }
    System.out.printf(
        Locale.ROOT,
        "tokens from one call of the large model: %.2f%n",
        1 + (double) accepted / TEXTS);
    System.out.printf(
        Locale.ROOT,
        "first tokens against its distribution: chi-square %.1f with %d degrees of freedom%n",
        chiSquare,
        kept - 1);
  }

  /** Returns a cursor for one of many texts, each with its own random numbers. */
  private static SamplerCursor text(int number) {
    return Sampler.builder().temperature(TEMPERATURE).topP(0.95).seed(42).stream(number)
        .build()
        .start();
  }

  /** Draws the tokens that follow {@code last}, and returns how many drafts are accepted. */
  private int step(int text, int last) {
    SamplerCursor drafter = text(text);
    logits[0] = TwoModels.large(last);
    int before = last;
    for (int i = 0; i < DRAFTS; i++) {
      before = probabilities(drafter, TwoModels.small(before), q[i]);
      drafts[i] = before;
      logits[i + 1] = TwoModels.large(before); // a large model computes its rows in one batch
    }
    return text(text).verify(Tensor.copyOf(logits), drafts, Tensor.copyOf(q), tokens);
  }

  /** Draws a token, and computes the probabilities that it was drawn with: of the kept classes. */
  private int probabilities(SamplerCursor cursor, float[] row, float[] probabilities) {
    Tensor kept = Tensor.of(new byte[CLASSES]);
    int token = cursor.outputs(SamplerOutputs.create().keptMask(kept)).next(row);
    softmax
        .on(Tensor.of(row), Tensor.of(probabilities))
        .inputs(Inputs.none().withClassMask(kept))
        .run();
    return token;
  }
}
