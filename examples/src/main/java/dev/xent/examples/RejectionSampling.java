// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.Inputs;
import dev.xent.Sampler;
import dev.xent.Softmax;
import dev.xent.Tensor;
import java.util.Locale;

/**
 * A small model drafts four tokens, and a large model checks them by rejection sampling: a draft x
 * is kept with probability min(1, p(x) / q(x)), else the token is drawn from max(p - q, 0), where p
 * is what the large model samples from, and q what the small one does. The tokens have the
 * distribution p. Both ways together are one distribution, so a row of a call draws from it.
 */
public final class RejectionSampling {
  private static final int CLASSES = TwoModels.CLASSES;
  private static final int DRAFTS = 4;
  private static final int ROWS = DRAFTS + 1; // the last one has no draft
  private static final int TEXTS = 20_000;
  private static final double TEMPERATURE = 0.8;

  private final Sampler sampler =
      Sampler.builder().temperature(TEMPERATURE).topP(0.95).seed(42).build();
  private final Softmax softmax = Softmax.builder().temperature(TEMPERATURE).build();
  private final Sampler checker = Sampler.builder().seed(43).build(); // not the seed of drafts
  private final int[] drafts = new int[ROWS];
  private final int[] tokens = new int[ROWS];
  private final float[] p = new float[ROWS * CLASSES];
  private final float[] q = new float[ROWS * CLASSES];
  private final float[] logits = new float[ROWS * CLASSES];

  private RejectionSampling() {}

  public static void main(String[] arguments) {
    RejectionSampling texts = new RejectionSampling();
    int[] counts = new int[CLASSES];
    int accepted = 0;
    for (int text = 0; text < TEXTS; text++) {
      accepted += texts.step(text, 0, 1);
      counts[texts.tokens[0]]++;
    }
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

  /**
   * Draws the tokens that follow {@code last}; the first is number {@code step} of its text.
   *
   * @param text a number that is this text's alone
   * @return how many drafts are accepted; one token more is drawn
   */
  private int step(long text, int last, int step) {
    int before = last;
    for (int row = 0; row < DRAFTS; row++) {
      System.arraycopy(TwoModels.small(before), 0, logits, row * CLASSES, CLASSES);
      sample(row, row + 1, text, step, drafts, q);
      before = drafts[row];
    }
    for (int row = 0; row < ROWS; row++) { // a large model computes its rows in one batch
      System.arraycopy(
          TwoModels.large(row == 0 ? last : drafts[row - 1]), 0, logits, row * CLASSES, CLASSES);
    }
    sample(0, ROWS, text, step, tokens, p);
    for (int row = 0; row < DRAFTS; row++) {
      check(row * CLASSES, drafts[row]);
    }
    checker
        .on(rows(logits).slice(0, 0, DRAFTS), Tensor.of(tokens).slice(0, 0, DRAFTS))
        .run(requests(checker, 0, DRAFTS, text, step));
    int accepted = 0;
    while (accepted < DRAFTS && tokens[accepted] == drafts[accepted]) {
      accepted++;
    }
    return accepted;
  }

  /** Draws from rows of logits, and computes the probabilities of what is kept. */
  private void sample(int begin, int end, long text, int step, int[] to, float[] probabilities) {
    byte[] mask = new byte[(end - begin) * CLASSES];
    Tensor x = rows(logits).slice(0, begin, end);
    Tensor kept = Tensor.of(mask, end - begin, CLASSES);
    sampler
        .on(x, Tensor.of(to).slice(0, begin, end))
        .outputs(new Sampler.Outputs().keptMask(kept))
        .run(requests(sampler, begin, end, text, step));
    softmax
        .on(x, rows(probabilities).slice(0, begin, end))
        .inputs(Inputs.none().classMask(kept))
        .run();
  }

  private static Sampler.Requests requests(
      Sampler sampler, int begin, int end, long text, int step) {
    Sampler.Requests requests = new Sampler.Requests();
    for (int row = begin; row < end; row++) {
      requests.add(sampler, text, step + row);
    }
    return requests;
  }

  /** Logits whose softmax is the draft, as far as it is accepted, and the rest. */
  private void check(int row, int draft) {
    double accepted = Math.min(1, (double) p[row + draft] / q[row + draft]);
    double rest = 0;
    for (int i = row; i < row + CLASSES; i++) {
      rest += Math.max(p[i] - q[i], 0);
    }
    for (int i = row; i < row + CLASSES; i++) {
      double share = accepted < 1 ? (1 - accepted) * Math.max(p[i] - q[i], 0) / rest : 0;
      logits[i] = (float) StrictMath.log(i == row + draft ? accepted : share);
    }
  }

  private static Tensor rows(float[] values) {
    return Tensor.of(values, ROWS, CLASSES);
  }
}
