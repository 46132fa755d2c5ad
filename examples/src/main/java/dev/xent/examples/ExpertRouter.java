// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.TopK;
import java.util.Arrays;

/**
 * The router of a mixture of experts: each token goes to the two experts with the largest logits.
 * Their weights are the softmax of these two logits, which is the softmax of all experts with the
 * two renormalized.
 */
public final class ExpertRouter {
  private static final int TOKENS = 4;
  private static final int EXPERTS = 8;

  private ExpertRouter() {}

  public static void main(String[] arguments) {
    float[] logits = new float[TOKENS * EXPERTS];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) (2 * Math.sin(i * i));
    }
    int[] experts = new int[TOKENS * 2];
    float[] weights = new float[TOKENS * 2];
    Tensor largest = Tensor.of(weights, TOKENS, 2);
    TopK.of(2)
        .logProbabilities(
            Tensor.of(logits, TOKENS, EXPERTS), Tensor.of(experts, TOKENS, 2), largest);
    Softmax.builder().build().forward(largest, largest); // in place

    for (int token = 0; token < TOKENS; token++) {
      int[] its = Arrays.copyOfRange(experts, token * 2, token * 2 + 2);
      float[] with = Arrays.copyOfRange(weights, token * 2, token * 2 + 2);
      System.out.println(
          "token " + token + ": experts " + Arrays.toString(its) + " " + Arrays.toString(with));
    }
  }
}
