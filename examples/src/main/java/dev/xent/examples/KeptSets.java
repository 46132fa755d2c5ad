// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.CrossEntropy;
import dev.xent.Inputs;
import dev.xent.LossOutputs;
import dev.xent.Sampler;
import dev.xent.SamplerOutputs;
import dev.xent.Tensor;
import java.util.Locale;

/**
 * Tokens are drawn among the classes that top-p keeps. A trainer that gets the mask of these
 * classes computes the log-probabilities that the tokens were drawn with, and can differentiate
 * them.
 */
public final class KeptSets {
  private static final int ROWS = 2;
  private static final int CLASSES = 1000;

  private KeptSets() {}

  public static void main(String[] arguments) {
    float[] values = new float[ROWS * CLASSES];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (3 * Math.sin(i * i));
    }
    Tensor logits = Tensor.of(values, ROWS, CLASSES);
    Tensor tokens = Tensor.of(new int[ROWS]);
    Tensor drawn = Tensor.of(new float[ROWS]);
    Tensor kept = Tensor.of(new int[ROWS]);
    Tensor mask = Tensor.of(new byte[ROWS * CLASSES], ROWS, CLASSES);
    Sampler sampler = Sampler.builder().temperature(0.8).topP(0.5).seed(3).build();
    sampler
        .on(logits, tokens)
        .outputs(SamplerOutputs.create().processedLogProbabilities(drawn).kept(kept).keptMask(mask))
        .run(0);

    // Later, in the trainer: the loss of a token is its negative log-probability.
    Tensor losses = Tensor.of(new float[ROWS]);
    Tensor gradient = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    CrossEntropy.builder()
        .temperature(0.8)
        .build()
        .on(logits, tokens, gradient)
        .inputs(Inputs.none().withClassMask(mask))
        .outputs(LossOutputs.create().losses(losses))
        .run();
    for (int row = 0; row < ROWS; row++) {
      System.out.printf(
          Locale.ROOT,
          "%d of %d kept, drawn with %.5f, in the trainer %.5f%n",
          kept.getLong(row),
          CLASSES,
          drawn.getFloat(row),
          -losses.getFloat(row));
    }
  }
}
