// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import dev.xent.CrossEntropy;
import dev.xent.Execution;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.options.Reduction;
import java.util.List;
import java.util.stream.IntStream;

/** Xent, in the memory that the model wrote. Each request is a thread, so calls need no helpers. */
public final class XentScorer implements Scorer {
  private final CrossEntropy loss =
      CrossEntropy.builder().reduction(Reduction.SUM).execution(Execution.sequential()).build();

  private final List<TopK> tops =
      IntStream.rangeClosed(1, LetterModel.LETTERS.length())
          .mapToObj(k -> TopK.builder(k).execution(Execution.sequential()).build())
          .toList();

  @Override
  public String name() {
    return "xent";
  }

  @Override
  public List<Likely> top(Tensor logits, int k) {
    int[] labels = new int[k];
    float[] probabilities = new float[k];
    tops.get(k - 1).probabilities(logits, Tensor.of(labels, 1, k), Tensor.of(probabilities, 1, k));
    return IntStream.range(0, k).mapToObj(i -> new Likely(labels[i], probabilities[i])).toList();
  }

  @Override
  public double logProbability(Tensor logits, Tensor labels) {
    return -loss.forward(logits, labels);
  }
}
