// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import dev.xent.Tensor;
import java.util.List;
import java.util.ServiceLoader;

/** What is made of logits. One instance serves all threads. */
public interface Scorer {
  /** A class of a row and its softmax. */
  record Likely(int label, float probability) {}

  /** What the system property {@code service.scorer} chooses it by. */
  String name();

  /**
   * The likeliest classes, the likeliest first.
   *
   * @param logits F32 [1, classes], off the heap
   */
  List<Likely> top(Tensor logits, int k);

  /**
   * The sum of the log-probabilities of one label per row.
   *
   * @param logits F32 [rows, classes], off the heap
   * @param labels I64 [rows], off the heap
   */
  double logProbability(Tensor logits, Tensor labels);

  /** The one of that name on the class path. */
  static Scorer named(String name) {
    return ServiceLoader.load(Scorer.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(scorer -> scorer.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("there is no scorer " + name));
  }
}
