// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/**
 * The step of a language model that says what may come next: of 128256 tokens the most probable
 * ones, with their log-probabilities and the entropy, for every sequence of a batch. One read of
 * the logits, which are bfloat16 as models leave them; no array of all probabilities is made.
 */
public final class TopTokens {
  private static final int SEQUENCES = 3;
  private static final int VOCABULARY = 128_256;
  private static final int TOP = 5;

  private TopTokens() {}

  public static void main(String[] arguments) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = logits(arena);
      Tensor tokens = Tensor.allocate(arena, DType.I32, SEQUENCES, TOP);
      Tensor logProbabilities = Tensor.allocate(arena, DType.F32, SEQUENCES, TOP);
      Tensor entropies = Tensor.allocate(arena, DType.F32, SEQUENCES);

      // Built once, used at every step: a call allocates nothing.
      CrossEntropy model = CrossEntropy.builder().temperature(0.75).build();
      CrossEntropy.Outcome outcome =
          new CrossEntropy.Outcome()
              .topClasses(tokens)
              .topLogProbabilities(logProbabilities)
              .entropies(entropies);
      model.predict(logits, Inputs.none(), outcome);

      for (int s = 0; s < SEQUENCES; s++) {
        System.out.printf("sequence %d, entropy %s%n", s, entropies.getFloat(s));
        for (int k = 0; k < TOP; k++) {
          System.out.printf(
              "  token %6d  %s%n", tokens.getLong(s, k), logProbabilities.getFloat(s, k));
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
