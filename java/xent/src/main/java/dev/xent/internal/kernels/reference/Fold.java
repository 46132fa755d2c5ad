// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.LIMIT;
import static dev.xent.internal.kernels.reference.Constants.LOWEST_REFERENCE;

/** A row: its chunks folded in class order, wherever they were computed. */
final class Fold {
  /** The largest value of the chunks so far. */
  float max;

  /** Sum of target * logit; of the logits alone with a label. */
  double dot;

  /** x' of the label. */
  float labelLogit;

  private float reference;
  private double sum;
  private double mass;
  private float maxBeforeLabel;
  private boolean labelFirst;

  void begin() {
    max = Float.NEGATIVE_INFINITY;
    reference = LOWEST_REFERENCE;
    sum = 0;
    dot = 0;
    mass = 0;
    labelLogit = 0;
    maxBeforeLabel = Float.NEGATIVE_INFINITY;
    labelFirst = false;
  }

  /** The next chunk: S = S 2^(N - N') + s 2^-30 2^(N_c - N') with N' the larger of N and N_c. */
  void add(State chunk) {
    double raised = Math.max(reference, chunk.reference);
    sum =
        sum * PowerOfTwo.of(reference - raised)
            + chunk.sum * Exponential.UNSCALE * PowerOfTwo.of(chunk.reference - raised);
    reference = (float) raised;
    dot += chunk.dot;
    mass += chunk.mass;
    if ((chunk.kind & Kind.LABEL_HERE) != 0) {
      labelLogit = chunk.labelLogit;
      labelFirst = (chunk.kind & Kind.LABEL_FIRST_MAX) != 0;
      maxBeforeLabel = max;
    }
    max = chunk.max > max ? chunk.max : max;
  }

  /** Whether the row must be computed again on x - max, because x - max would be rounded. */
  boolean beyondLimit() {
    return Math.abs(max) > LIMIT && Math.abs(max) != Float.POSITIVE_INFINITY;
  }

  /**
   * Writes the statistics of the row.
   *
   * @param kind what the states were
   * @param shift what was subtracted from the logits
   * @param maskedIsZero what a row of -infinity is: masked, else NaN
   */
  void close(int kind, float shift, boolean maskedIsZero, Statistics row) {
    row.clear(kind);
    double ownMass = kind == Kind.LABEL ? labelTerm() : mass;
    double total = kind == Kind.LABEL ? sum + ownMass : sum;
    if (max == Float.POSITIVE_INFINITY || Double.isNaN(total)) {
      row.kind |= Kind.NAN_ROW;
    } else if (max == Float.NEGATIVE_INFINITY) {
      row.kind |= maskedIsZero ? Kind.MASKED_ROW : Kind.NAN_ROW;
    } else if (!Double.isFinite(ownMass)) {
      row.kind |= Kind.NAN_ROW;
    } else {
      row.shift = shift;
      row.max = max;
      row.reference = reference;
      row.sum = sum;
      row.mass = ownMass;
    }
  }

  /** Whether the label is the first of the row's largest logits; of a row without special kind. */
  boolean hit() {
    return labelFirst && labelLogit == max && maxBeforeLabel < max;
  }

  private double labelTerm() {
    return (double) Exponential.of(labelLogit, reference) * Exponential.UNSCALE;
  }
}
