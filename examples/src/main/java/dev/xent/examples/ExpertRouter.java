// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.BinaryCrossEntropy;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.TopK;
import java.util.Arrays;
import java.util.Locale;

/**
 * Routers of a mixture of experts: each token goes to two experts.
 *
 * <ul>
 *   <li>Softmax: the two with the largest logits. Their weights are the softmax of these two
 *       logits, which is the softmax of all experts with the two renormalized.
 *   <li>Sigmoid, as in DeepSeek-V3: the two with the largest {@code sigmoid(logit) + bias}, in the
 *       half of the groups whose two largest have the largest sum. Their weights are their
 *       sigmoids, renormalized; the bias only balances the load.
 * </ul>
 */
public final class ExpertRouter {
  private static final int TOKENS = 4;
  private static final int EXPERTS = 8;
  private static final int GROUPS = 4;
  private static final int SIZE = EXPERTS / GROUPS; // of a group
  private static final float[] BIAS = {0.1f, 0, 0, -0.1f, 0, 0, 0.1f, 0};

  private ExpertRouter() {}

  public static void main(String[] arguments) {
    float[] logits = new float[TOKENS * EXPERTS];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) (2 * Math.sin(i * i));
    }
    String[] softmax = softmax(logits);
    String[] sigmoid = sigmoid(logits);
    for (int token = 0; token < TOKENS; token++) {
      System.out.println(
          "token " + token + ": softmax " + softmax[token] + ", sigmoid " + sigmoid[token]);
    }
  }

  private static String[] softmax(float[] logits) {
    int[] experts = new int[TOKENS * 2];
    float[] weights = new float[TOKENS * 2];
    Tensor largest = Tensor.of(weights, TOKENS, 2);
    TopK.of(2)
        .logProbabilities(
            Tensor.of(logits, TOKENS, EXPERTS), Tensor.of(experts, TOKENS, 2), largest);
    Softmax.builder().build().forward(largest, largest); // in place
    return lines(experts, weights);
  }

  private static String[] sigmoid(float[] logits) {
    // The gradient of binary cross-entropy with targets of 0 is the sigmoid.
    float[] scores = new float[TOKENS * EXPERTS];
    Tensor tensor = Tensor.of(logits, TOKENS, EXPERTS);
    Tensor zeros = Tensor.of(new float[TOKENS * EXPERTS], TOKENS, EXPERTS);
    BinaryCrossEntropy.sum().forwardBackward(tensor, zeros, Tensor.of(scores, TOKENS, EXPERTS));

    float[] choices = scores.clone();
    for (int i = 0; i < choices.length; i++) {
      choices[i] += BIAS[i % EXPERTS];
    }
    int[] firstTwo = largest(choices, TOKENS * GROUPS, SIZE, 2);
    float[] sums = new float[TOKENS * GROUPS];
    for (int group = 0; group < sums.length; group++) {
      for (int i = 0; i < 2; i++) {
        sums[group] += choices[group * SIZE + firstTwo[group * 2 + i]];
      }
    }
    int[] groups = largest(sums, TOKENS, GROUPS, GROUPS / 2);
    float[] open = new float[choices.length];
    Arrays.fill(open, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < groups.length; i++) {
      int from = i / (GROUPS / 2) * EXPERTS + groups[i] * SIZE;
      System.arraycopy(choices, from, open, from, SIZE);
    }

    int[] experts = largest(open, TOKENS, EXPERTS, 2);
    float[] weights = new float[experts.length];
    for (int token = 0; token < TOKENS; token++) {
      float first = scores[token * EXPERTS + experts[token * 2]];
      float second = scores[token * EXPERTS + experts[token * 2 + 1]];
      weights[token * 2] = first / (first + second);
      weights[token * 2 + 1] = second / (first + second);
    }
    return lines(experts, weights);
  }

  /** Returns the k largest of each row. */
  private static int[] largest(float[] values, int rows, int classes, int k) {
    int[] found = new int[rows * k];
    TopK.of(k)
        .logProbabilities(
            Tensor.of(values, rows, classes),
            Tensor.of(found, rows, k),
            Tensor.of(new float[rows * k], rows, k));
    return found;
  }

  private static String[] lines(int[] experts, float[] weights) {
    String[] lines = new String[TOKENS];
    for (int i = 0; i < experts.length; i += 2) {
      lines[i / 2] =
          String.format(
              Locale.ROOT,
              "%d %.4f %d %.4f",
              experts[i],
              weights[i],
              experts[i + 1],
              weights[i + 1]);
    }
    return lines;
  }
}
