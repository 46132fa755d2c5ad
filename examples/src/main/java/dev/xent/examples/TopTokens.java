// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.DType;
import dev.xent.Entropy;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.TopKResult;
import java.lang.foreign.Arena;
import java.util.Locale;
import java.util.Random;

/**
 * The step of a language model that says what may come next: of 128256 tokens the most probable
 * ones, with their probabilities, for every sequence of a batch. The logits are bfloat16, as models
 * leave them, and are read once; no array of all probabilities is made.
 */
public final class TopTokens {
  private static final int SEQUENCES = 2;
  private static final int VOCABULARY = 128_256;
  private static final int TOP = 5;

  private TopTokens() {}

  public static void main(String[] arguments) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = logits(arena);
      // Built once, used at every step.
      TopK top = TopK.builder(TOP).temperature(0.75).build();
      Tensor entropies = Tensor.allocate(arena, DType.F32, SEQUENCES);
      Entropy.builder().temperature(0.75).build().forward(logits, entropies);

      TopKResult next = top.probabilities(logits);
      for (int s = 0; s < SEQUENCES; s++) {
        System.out.printf(Locale.ROOT, "sequence %d, entropy %s%n", s, entropies.getFloat(s));
        for (int k = 0; k < TOP; k++) {
          System.out.printf(
              Locale.ROOT,
              "  token %6d  %s%n",
              next.classes().getLong(s, k),
              next.values().getFloat(s, k));
        }
      }
    }
  }

  /** In place of a model: numbers of a bell curve, the same on every machine. */
  private static Tensor logits(Arena arena) {
    Tensor logits = Tensor.allocate(arena, DType.BF16, SEQUENCES, VOCABULARY);
    Random random = new Random(128_256);
    for (int s = 0; s < SEQUENCES; s++) {
      for (int token = 0; token < VOCABULARY; token++) {
        logits.setFloat((float) (3 * random.nextGaussian()), s, token);
      }
    }
    return logits;
  }
}
