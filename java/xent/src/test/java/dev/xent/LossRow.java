// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.util.ArrayList;
import java.util.List;

/** The cross-entropy of one row with everything it can have, in plain double arithmetic. */
final class LossRow {
  double temperature = 1;
  double softcap;
  double zLoss;
  double smoothing;
  boolean others;
  double clamp;

  /** Null: the weight of each class is 1. */
  double[] classWeights;

  double rowWeight = 1;
  boolean[] mask;
  double sink = Double.NEGATIVE_INFINITY;

  /** Of the label, or -1: the targets are {@link #targets}. */
  int label = -1;

  double[] targets;

  private final double[] logits;
  private double lse;
  private double[] x;

  LossRow(double[] logits) {
    this.logits = logits;
  }

  private boolean counts(int k) {
    return mask == null || mask[k];
  }

  private double weight(int k) {
    return classWeights == null ? 1 : classWeights[k];
  }

  private void prepare() {
    x = new double[logits.length];
    double max = sink;
    for (int k = 0; k < x.length; k++) {
      double capped = softcap == 0 ? logits[k] : softcap * Math.tanh(logits[k] / softcap);
      x[k] = counts(k) ? capped / temperature : Double.NEGATIVE_INFINITY;
      max = Math.max(max, x[k]);
    }
    double sum = Math.exp(sink - max);
    for (double v : x) {
      sum += Math.exp(v - max);
    }
    lse = max + Math.log(sum);
  }

  /** The target of a class after smoothing and weights. */
  private double target(int k) {
    int counted = 0;
    for (int j = 0; j < x.length; j++) {
      counted += counts(j) ? 1 : 0;
    }
    boolean even = counts(k) && !(others && k == label);
    int sharing = others ? counted - 1 : counted;
    double share = even && sharing > 0 ? smoothing / sharing : 0;
    double q = label >= 0 ? (k == label ? 1 : 0) : targets[k];
    return counts(k) ? weight(k) * ((1 - smoothing) * q + share) : 0;
  }

  double logSumExp() {
    prepare();
    return lse;
  }

  double loss() {
    prepare();
    double loss = 0;
    for (int k = 0; k < x.length; k++) {
      double t = target(k);
      if (t != 0) {
        double l = lse - x[k];
        if (clamp > 0) {
          l = Math.min(Math.max(l, -Math.log1p(-clamp)), -Math.log(clamp));
        }
        loss += t * l;
      }
    }
    return rowWeight * (loss + zLoss * lse * lse);
  }

  double[] gradient() {
    prepare();
    double pull = 2 * zLoss * lse;
    for (int k = 0; k < x.length; k++) {
      pull += target(k);
    }
    double[] gradient = new double[x.length];
    for (int k = 0; k < x.length; k++) {
      double slope = 1;
      if (softcap != 0) {
        double t = Math.tanh(logits[k] / softcap);
        slope = 1 - t * t;
      }
      gradient[k] =
          counts(k)
              ? rowWeight * (Math.exp(x[k] - lse) * pull - target(k)) * slope / temperature
              : 0;
    }
    return gradient;
  }

  double[] targetGradient() {
    prepare();
    double[] gradient = new double[x.length];
    for (int k = 0; k < x.length; k++) {
      gradient[k] = counts(k) ? rowWeight * (1 - smoothing) * weight(k) * (lse - x[k]) : 0;
    }
    return gradient;
  }

  double logProbability() {
    prepare();
    double l = lse - x[label];
    return clamp == 0 ? -l : -Math.min(Math.max(l, -Math.log1p(-clamp)), -Math.log(clamp));
  }

  double entropy() {
    prepare();
    double entropy = 0;
    for (double v : x) {
      if (v != Double.NEGATIVE_INFINITY) {
        entropy += Math.exp(v - lse) * (lse - v);
      }
    }
    return entropy;
  }

  /** Counted classes by falling logit. */
  List<Integer> order() {
    prepare();
    List<Integer> order = new ArrayList<>();
    for (int k = 0; k < x.length; k++) {
      if (counts(k)) {
        order.add(k);
      }
    }
    order.sort((a, b) -> x[a] == x[b] ? Integer.compare(a, b) : Double.compare(x[b], x[a]));
    return order;
  }

  double logProbability(int k) {
    prepare();
    return x[k] - lse;
  }
}
