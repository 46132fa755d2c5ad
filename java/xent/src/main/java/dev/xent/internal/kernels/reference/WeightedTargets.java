// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/**
 * The targets of a row, smoothed and weighted: t = w q', in double.
 *
 * <p>Smoothing takes eps of every target and shares it among the classes of the <i>even set</i>:
 * all that take part, or all of them but the label.
 */
final class WeightedTargets {
  /** eps / H, or 0. */
  double share;

  /** H: how many classes the even set has. */
  double evenClasses;

  private double epsilon;
  private boolean others;
  private GeneralRow row;

  void begin(Call call, GeneralRow ofCall) {
    epsilon = call.options.labelSmoothing;
    others = call.options.smoothsOthers();
    row = ofCall;
  }

  /** The share of a row of which so many classes take part. */
  void countClasses(double counted) {
    evenClasses = others ? counted - 1 : counted;
    share = epsilon == 0 || evenClasses == 0 ? 0 : epsilon / evenClasses;
  }

  /** The share that the row's statistics know. */
  void setShare(double known) {
    share = known;
  }

  boolean smooths() {
    return epsilon > 0;
  }

  /** Whether a class that takes part belongs to the even set. */
  boolean isEven(long clazz) {
    return !others || clazz != row.label;
  }

  /** w, or 1 without class weights. */
  double weight(long clazz) {
    return row.hasClassWeights() ? row.classWeight(clazz) : 1;
  }

  boolean areWeighted() {
    return row.hasClassWeights();
  }

  /** share w of a class of the even set. */
  double ofShare(long clazz) {
    return row.hasClassWeights() ? share * row.classWeight(clazz) : share;
  }

  /** What the label keeps: (1 - eps) w. */
  double ofLabel() {
    return (1 - epsilon) * weight(row.label);
  }

  /** Whether a label and what smoothing gives sum up to 1: no weights, and someone to give to. */
  boolean labelSumsToOne() {
    return !row.hasClassWeights() && !(others && epsilon > 0 && share == 0);
  }

  /** 1 less the target of a label where they sum up to 1. */
  double labelLessOne() {
    return share == 0 ? 0 : others ? epsilon : epsilon - share;
  }

  /** Of a class of a probability row. */
  double ofProbability(double q, long clazz) {
    double smoothed = share == 0 ? q : Math.fma(1 - epsilon, q, share);
    return row.hasClassWeights() ? row.classWeight(clazz) * smoothed : smoothed;
  }

  /** Of an entry of a sparse row, without the share of its class. */
  double ofEntry(double p, long clazz) {
    double kept = epsilon > 0 ? (1 - epsilon) * p : p;
    return row.hasClassWeights() ? kept * row.classWeight(clazz) : kept;
  }

  /** What the targets are multiplied with before smoothing adds to them: (1 - eps) w. */
  double slope(long clazz) {
    return (1 - epsilon) * weight(clazz);
  }

  double epsilon() {
    return epsilon;
  }
}
