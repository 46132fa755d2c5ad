// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** Label smoothing: q' = (1 - eps) q + eps / classes. */
final class Smoothing {
  private double epsilon;
  private double keep;
  private double share;

  void set(double epsilon, long classes) {
    this.epsilon = epsilon;
    keep = 1 - epsilon;
    share = epsilon / classes;
  }

  /** The target of every class, beside what is kept of its own: eps / classes. */
  double share() {
    return share;
  }

  /** The target of the label less one. */
  double labelLessOne() {
    return share == 0 ? 0 : epsilon - share;
  }

  /** Whether the sum of the logits is needed. */
  boolean active() {
    return epsilon > 0;
  }

  /** q' of a probability. */
  double of(float q) {
    return share == 0 ? q : Math.fma(keep, (double) q, share);
  }

  /** The loss of a label, from the one without smoothing and the mean over all classes. */
  double mix(double loss, double mean) {
    return epsilon == 1 ? mean : Math.fma(keep, loss, epsilon * mean);
  }
}
