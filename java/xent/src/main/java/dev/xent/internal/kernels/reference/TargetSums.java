// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** Sums over a chunk that cancel later, and are therefore taken in double, class by class. */
final class TargetSums {
  /** Sum of target * logit. */
  double dot;

  /** Sum of the targets. */
  double mass;

  private final Lanes dots = new Lanes();
  private final Lanes masses = new Lanes();

  /** Label smoothing: dot is the sum of the logits x[0], ..., x[count - 1]. */
  void ofLogits(float[] x, int count) {
    dots.clear();
    for (int i = 0; i < count; i++) {
      dots.add(i, x[i]);
    }
    dot = dots.tree();
    mass = 0;
  }

  /** A probability row q; a class whose target is 0 adds +0 whatever its logit is. */
  void ofProbabilities(float[] x, float[] q, int count, Smoothing smoothing) {
    dots.clear();
    masses.clear();
    for (int i = 0; i < count; i++) {
      double target = smoothing.of(q[i]);
      if (target != 0) {
        dots.addProduct(i, target, x[i]);
      }
      masses.add(i, target);
    }
    dot = dots.tree();
    mass = masses.tree();
  }
}
