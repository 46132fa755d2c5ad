// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.LIMIT;
import static dev.xent.internal.kernels.reference.Constants.LOWEST_REFERENCE;

/** A row of a general call: its chunks folded in class order, then its sink. */
abstract class GeneralFold {
  /** The largest value of the chunks so far, and of the sink. */
  double max;

  /** N of the chunks so far, and of the sink. */
  double reference;

  double labelLogit;

  /** Classes that take part. */
  long counted;

  private double classMax;
  private double maxBeforeLabel;
  private long countedBeforeLabel;
  private boolean labelFirst;

  void begin() {
    max = Double.NEGATIVE_INFINITY;
    reference = LOWEST_REFERENCE;
    labelLogit = 0;
    counted = 0;
    classMax = Double.NEGATIVE_INFINITY;
    maxBeforeLabel = Double.NEGATIVE_INFINITY;
    countedBeforeLabel = 0;
    labelFirst = false;
  }

  /** Multiplies the sum so far by the first power of two and adds this times the second. */
  abstract void addSum(double rescale, double high, double low, double own);

  /** What the targets of a chunk sum up to; `raised` is the row's new maximum. */
  abstract void addTargets(double dot, double mass, double chunkMax, double raised);

  /** The row's maximum rises without a target. */
  abstract void raise(double raised);

  /** Sum of the exponentials. */
  abstract double sum();

  /** Sum of the targets; of a label's row that of the weights of the even set. */
  abstract double mass();

  /** The mean of weight (lse - x) over the even set of so many classes, D being lse - max. */
  abstract double evenLoss(double distance, double classes, boolean weighted);

  /** Sum of t (lse - x), D being lse - max. */
  abstract double targetLoss(double distance);

  void add(State chunk, boolean wide) {
    addSum(chunk.reference, chunk.sum, chunk.sumLow);
    double chunkMax = wide ? chunk.wideMax : chunk.max;
    double raised = chunkMax > max ? chunkMax : max;
    addTargets(chunk.dot, chunk.mass, chunkMax, raised);
    if ((chunk.kind & Kind.LABEL_HERE) != 0) {
      labelLogit = wide ? chunk.wideLabelLogit : chunk.labelLogit;
      labelFirst = (chunk.kind & Kind.LABEL_FIRST_MAX) != 0;
      maxBeforeLabel = max;
      countedBeforeLabel = counted;
    }
    counted += chunk.counted;
    max = raised;
    classMax = raised;
  }

  /** A logit that is no class: one more chunk, with the one term e(sink; reference). */
  void addSink(double sink, double ownReference, double term) {
    addSum(ownReference, term, 0);
    double raised = sink > max ? sink + 0.0 : max;
    raise(raised);
    max = raised;
  }

  private void addSum(double ownReference, double high, double low) {
    double raised = ownReference > reference ? ownReference : reference;
    addSum(PowerOfTwo.of(reference - raised), high, low, PowerOfTwo.of(ownReference - raised));
    reference = raised;
  }

  /** Whether the row must be computed again on x - max, because x - max would be rounded. */
  boolean beyondLimit() {
    return Math.abs(max) > LIMIT && Math.abs(max) != Double.POSITIVE_INFINITY;
  }

  /** Whether the label is the first of the largest classes; of a row without special kind. */
  boolean hit() {
    return labelFirst
        && labelLogit == classMax
        && (maxBeforeLabel < labelLogit || countedBeforeLabel == 0);
  }
}
