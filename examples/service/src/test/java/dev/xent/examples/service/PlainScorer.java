// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import dev.xent.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Loops in plain Java, as a service would have them without a library: to compare with. */
public final class PlainScorer implements Scorer {
  @Override
  public String name() {
    return "plain";
  }

  private static float logit(Tensor logits, long index) {
    return logits.segment().getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  /** The logarithm of the sum of the exponentials of a row. */
  private static double logSumExp(Tensor logits, long row) {
    long classes = logits.dim(1);
    float largest = Float.NEGATIVE_INFINITY;
    for (long k = 0; k < classes; k++) {
      largest = Math.max(largest, logit(logits, row * classes + k));
    }
    double sum = 0;
    for (long k = 0; k < classes; k++) {
      sum += Math.exp(logit(logits, row * classes + k) - largest);
    }
    return largest + Math.log(sum);
  }

  @Override
  public List<Likely> top(Tensor logits, int k) {
    double sum = logSumExp(logits, 0);
    return IntStream.range(0, (int) logits.dim(1))
        .mapToObj(label -> new Likely(label, (float) Math.exp(logit(logits, label) - sum)))
        .sorted(Comparator.comparing(Likely::probability).reversed())
        .limit(k)
        .toList();
  }

  @Override
  public double logProbability(Tensor logits, Tensor labels) {
    double sum = 0;
    for (long row = 0; row < logits.dim(0); row++) {
      sum += logit(logits, row * logits.dim(1) + labels.getLong(row)) - logSumExp(logits, row);
    }
    return sum;
  }
}
