// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sum;

import static dev.xent.internal.kernels.reference.math.Constants.LIMIT;

import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Pair;

/**
 * A row: its chunks folded in class order, regardless of where they were computed, then its sink.
 */
public final class Fold {
  /** The largest value of the chunks so far, and of the sink. */
  public double max;

  /** N of the chunks so far, and of the sink. */
  public double reference;

  /** The label's logit, minus the shift. */
  public double labelLogit;

  /** The number of unmasked classes. */
  public long counted;

  private final Arithmetic arithmetic;
  private final Pair sum;
  private final Pair own;

  /** The sum without its first largest term, if the chunk of that term has it. */
  private final Pair others;

  /** Sum of target * (max - logit); in a row with a label, over the even set. */
  private final Pair dot;

  private final Pair mass;
  private double classMax;
  private double maxBeforeLabel;
  private long countedBeforeLabel;
  private boolean labelFirst;

  public Fold(Arithmetic arithmetic) {
    this.arithmetic = arithmetic;
    sum = arithmetic.pair();
    own = arithmetic.pair();
    others = arithmetic.pair();
    dot = arithmetic.pair();
    mass = arithmetic.pair();
  }

  public void begin() {
    max = Double.NEGATIVE_INFINITY;
    reference = arithmetic.lowestReference;
    labelLogit = 0;
    counted = 0;
    sum.clear();
    others.clear();
    dot.clear();
    mass.clear();
    classMax = Double.NEGATIVE_INFINITY;
    maxBeforeLabel = Double.NEGATIVE_INFINITY;
    countedBeforeLabel = 0;
    labelFirst = false;
  }

  /**
   * Adds the next chunk.
   *
   * @param ofTargets sum of its targets; in a row with a label, of the weights of the even set
   */
  public void add(State chunk, double ofTargets) {
    if (chunk.is(Kind.LABEL_HERE)) {
      labelLogit = chunk.labelLogit;
      labelFirst = chunk.is(Kind.LABEL_FIRST_MAX);
      maxBeforeLabel = max;
      countedBeforeLabel = counted;
    }
    counted += chunk.counted;
    addSum(chunk.max, chunk.reference, chunk.sum, chunk.sumLow, chunk.dot, chunk.mass);
    raise(chunk.max);
    classMax = max;
    if (chunk.isOfSoftmax()) {
      return;
    }
    dot.add(chunk.dot);
    if (Double.isFinite(chunk.max) && max != chunk.max) {
      dot.addProduct(ofTargets, max - chunk.max);
    }
    mass.add(ofTargets);
  }

  /**
   * Adds the sink, a logit without a class: a further chunk with the single term e(sink;
   * reference).
   */
  public void addSink(double sink, double ownReference, double term) {
    boolean beyond = arithmetic.round(sink * arithmetic.inverseHigh) > LIMIT;
    double reached = sink == Double.POSITIVE_INFINITY ? sink : 0;
    addSum(sink, ownReference, beyond ? reached : term, 0, 0, 0);
    raise(sink + 0.0);
  }

  /**
   * S = S 2^(N - N') + s 2^(N_c - N'), unscaled, with N' the larger of N and N_c. If the maximum
   * rises, the other terms are S and the terms of s without its largest one.
   */
  private void addSum(
      double ownMax,
      double ownReference,
      double high,
      double low,
      double othersHigh,
      double othersLow) {
    double raised = ownReference > reference ? ownReference : reference;
    arithmetic.scale(sum, reference - raised);
    arithmetic.scale(others, reference - raised);
    boolean rises = ownMax > max;
    if (rises) {
      others.set(sum.high, sum.low);
    }
    own.set(high * arithmetic.unscale, low * arithmetic.unscale);
    arithmetic.scale(own, ownReference - raised);
    sum.add(own);
    if (rises) {
      own.set(othersHigh * arithmetic.unscale, othersLow * arithmetic.unscale);
      arithmetic.scale(own, ownReference - raised);
    }
    others.add(own);
    reference = raised;
  }

  /** Raises the maximum, and updates the dot product, which is relative to it. */
  private void raise(double to) {
    double raised = to > max ? to : max;
    if (Double.isFinite(raised) && Double.isFinite(max) && raised != max) {
      dot.addProduct(mass.high, raised - max);
    }
    max = raised;
  }

  /** Sum of the exponentials. */
  public double sum() {
    return sum.value();
  }

  /** The sum without the first of the largest terms. */
  public double others() {
    return others.value();
  }

  /** Sum of target * (max - logit). */
  public double dot() {
    return dot.value();
  }

  /** Sum of the targets; in a row with a label, of the weights of the even set. */
  public double mass() {
    return mass.value();
  }

  /**
   * Whether the row must be computed again from x - max, because its exponents would be rounded.
   */
  public boolean isBeyondLimit() {
    double scaled = arithmetic.round(max * arithmetic.inverseHigh);
    return Double.isFinite(max) && !(Math.abs(scaled) <= LIMIT);
  }

  /** Whether the label is the first of the largest classes; not for special rows. */
  public boolean hit() {
    return labelFirst
        && labelLogit == classMax
        && (maxBeforeLabel < labelLogit || countedBeforeLabel == 0);
  }
}
