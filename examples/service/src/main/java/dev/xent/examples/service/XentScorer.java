// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import dev.xent.CrossEntropy;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.options.Reduction;
import java.util.List;
import java.util.stream.IntStream;

/** Xent, in the memory that the model wrote. Each request is a thread, so calls need no helpers. */
public final class XentScorer implements Scorer {
  private final CrossEntropy loss =
      CrossEntropy.builder().reduction(Reduction.SUM).sequential().build();

  @Override
  public String name() {
    return "xent";
  }

  @Override
  public List<Likely> top(Tensor logits, int k) {
    TopK.Result best = TopK.builder(k).sequential().build().probabilities(logits);
    return IntStream.range(0, k)
        .mapToObj(i -> new Likely((int) best.classes().getLong(0, i), best.values().getFloat(0, i)))
        .toList();
  }

  @Override
  public double logProbability(Tensor logits, Tensor labels) {
    return -loss.forward(logits, labels);
  }
}
