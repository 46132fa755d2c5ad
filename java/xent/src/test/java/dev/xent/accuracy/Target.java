// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

/** A target distribution q' = (1 - eps) q + eps / K, computed exactly. */
interface Target {

  /** q' of class k. */
  DoubleDouble of(int k);

  /** What errors of q' are measured in: the sum of its parts without their signs. */
  default double size(int k) {
    return Math.abs(of(k).high());
  }

  /** Labels: q is 1 at the label. */
  static Target label(int label, int classes, double eps) {
    DoubleDouble share = share(eps, classes);
    DoubleDouble atLabel = keep(eps).plus(share);
    return k -> k == label ? atLabel : share;
  }

  /** Labels, with smoothing that goes to the other classes only. */
  static Target labelOfOthers(int label, int classes, double eps) {
    DoubleDouble share = share(eps, classes - 1);
    DoubleDouble atLabel = keep(eps);
    return k -> k == label ? atLabel : share;
  }

  /** This target, each class with its weight. */
  default Target weighted(float[] weights) {
    return k -> of(k).times(weights[k]);
  }

  /** Probability rows. */
  static Target probabilities(float[] q, double eps) {
    DoubleDouble keep = keep(eps);
    DoubleDouble share = share(eps, q.length);
    return new Target() {
      @Override
      public DoubleDouble of(int k) {
        return keep.times(q[k]).plus(share);
      }

      @Override
      public double size(int k) {
        return Math.abs(keep.high() * q[k]) + share.high();
      }
    };
  }

  private static DoubleDouble keep(double eps) {
    return DoubleDouble.sum(1, -eps);
  }

  private static DoubleDouble share(double eps, int classes) {
    return DoubleDouble.of(eps).dividedBy(DoubleDouble.of(classes));
  }
}
