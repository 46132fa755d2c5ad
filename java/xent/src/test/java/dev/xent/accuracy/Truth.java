// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

/**
 * The results of the operations for one row, computed with about 106 bits.
 *
 * <p>Classes of -inf have probability 0; the largest logit is finite.
 */
final class Truth {
  private final DoubleDouble[] belowMax;
  private final double[] exp;
  private final double[] expLow;
  private final DoubleDouble max;
  private final int argmax;

  /** The sum of the exponentials of all classes but {@code argmax}, whose own is 1. */
  private final DoubleDouble rest;

  private final DoubleDouble sum;

  private final DoubleDouble distance;

  private Truth(DoubleDouble[] x, int argmax) {
    this.argmax = argmax;
    max = x[argmax];
    belowMax = new DoubleDouble[x.length];
    exp = new double[x.length];
    expLow = new double[x.length];
    DoubleDouble others = DoubleDouble.ZERO;
    for (int k = 0; k < x.length; k++) {
      DoubleDouble e;
      if (k > 0 && x[k].equals(x[k - 1])) {
        belowMax[k] = belowMax[k - 1];
        e = exp(k - 1);
      } else if (x[k].high() == Double.NEGATIVE_INFINITY) {
        belowMax[k] = DoubleDouble.of(Double.POSITIVE_INFINITY);
        e = DoubleDouble.ZERO;
      } else {
        belowMax[k] = max.minus(x[k]);
        e = Elementary.exp(belowMax[k].negated());
      }
      exp[k] = e.high();
      expLow[k] = e.low();
      if (k != argmax) {
        others = others.plus(e);
      }
    }
    rest = others;
    sum = others.plus(1);
    distance = Elementary.logOnePlus(rest);
  }

  static Truth of(float[] x) {
    DoubleDouble[] exact = new DoubleDouble[x.length];
    for (int k = 0; k < x.length; k++) {
      exact[k] = k > 0 && x[k] == x[k - 1] ? exact[k - 1] : DoubleDouble.of(x[k]);
    }
    return of(exact);
  }

  static Truth of(DoubleDouble[] x) {
    int argmax = 0;
    for (int k = 1; k < x.length; k++) {
      if (x[k].high() > x[argmax].high()
          || x[k].high() == x[argmax].high() && x[k].low() > x[argmax].low()) {
        argmax = k;
      }
    }
    return new Truth(x, argmax);
  }

  private DoubleDouble exp(int k) {
    return new DoubleDouble(exp[k], expLow[k]);
  }

  int classes() {
    return exp.length;
  }

  /** The first class with the largest logit. */
  int argmax() {
    return argmax;
  }

  /** The largest logit less that of class k. */
  double belowMax(int k) {
    return belowMax[k].high();
  }

  /** The probability of class k. */
  DoubleDouble softmax(int k) {
    return exp(k).dividedBy(sum);
  }

  /** The probability of class k as a double, good to a few of its ulps. */
  double roundedSoftmax(int k) {
    return exp[k] / sum.high();
  }

  /** Log-sum-exp less the largest logit. */
  double distance() {
    return distance.high();
  }

  DoubleDouble logSoftmax(int k) {
    return belowMax[k].plus(distance).negated();
  }

  DoubleDouble logSumExp() {
    return max.plus(distance);
  }

  /** The sum of all exponentials but that of class k. */
  private DoubleDouble sumOfOthers(int k) {
    return k == argmax ? rest : sum.minus(exp(k));
  }

  /** The loss of a label without smoothing, its label not at -inf. */
  DoubleDouble loss(int label) {
    return belowMax[label].high() < 500
        ? Elementary.logOnePlus(sumOfOthers(label).dividedBy(exp(label)))
        : logSoftmax(label).negated();
  }

  /**
   * The sum of the probabilities of all classes but the label: what its gradient falls short of.
   */
  DoubleDouble missing(int label) {
    return sumOfOthers(label).dividedBy(sum);
  }

  /** The loss against a distribution: sum q' (lse - x); terms of q' = 0 are 0. */
  DoubleDouble loss(Target target) {
    DoubleDouble loss = DoubleDouble.ZERO;
    for (int k = 0; k < exp.length; k++) {
      DoubleDouble q = target.of(k);
      if (q.high() != 0) {
        loss = loss.plus(q.times(belowMax[k].plus(distance)));
      }
    }
    return loss;
  }

  /** Sum q'. */
  DoubleDouble mass(Target target) {
    DoubleDouble mass = DoubleDouble.ZERO;
    for (int k = 0; k < exp.length; k++) {
      mass = mass.plus(target.of(k));
    }
    return mass;
  }
}
