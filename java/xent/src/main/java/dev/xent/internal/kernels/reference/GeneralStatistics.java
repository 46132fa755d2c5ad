// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.lang.foreign.MemorySegment;

/** What a row of a general call leaves behind: {@link Statistics} of either arithmetic. */
final class GeneralStatistics {
  int kind;
  double shift;
  double max;
  double reference;

  /** Over all classes; with a label over the others. */
  double sum;

  /** The label's own term, or the sum of the targets. */
  double mass;

  /** What the probabilities are multiplied with in the gradient. */
  double pull;

  /** What smoothing gives each class of its set. */
  double share;

  private final Statistics struct = new Statistics();

  /** Everything 0 but the kind. */
  void clear(int ofKind) {
    kind = ofKind;
    shift = 0;
    max = 0;
    reference = 0;
    sum = 0;
    mass = 0;
    pull = 0;
    share = 0;
  }

  /**
   * Takes what a fold gives, all but pull and share.
   *
   * @param ofKind what the states were
   * @param ofShift what was subtracted from the logits
   * @param maskedIsZero what a row of -infinity is: masked, else NaN
   */
  void take(
      GeneralFold fold, Arithmetic arithmetic, int ofKind, double ofShift, boolean maskedIsZero) {
    clear(arithmetic.isWide() ? ofKind | Kind.WIDE : ofKind);
    double ownMass =
        ofLabel()
            ? arithmetic.exponential(fold.labelLogit, fold.reference) * Exponential.UNSCALE
            : fold.mass();
    double total = ofLabel() ? fold.sum() + ownMass : fold.sum();
    if (fold.max == Double.POSITIVE_INFINITY || Double.isNaN(total)) {
      kind |= Kind.NAN_ROW;
    } else if (fold.max == Double.NEGATIVE_INFINITY) {
      kind |= maskedIsZero ? Kind.MASKED_ROW : Kind.NAN_ROW;
    } else if (!Double.isFinite(ownMass)) {
      kind |= Kind.NAN_ROW;
    } else {
      shift = ofShift;
      max = fold.max;
      reference = fold.reference;
      sum = fold.sum();
      mass = ownMass;
    }
  }

  boolean is(int bit) {
    return (kind & bit) != 0;
  }

  boolean isSpecial() {
    return is(Kind.SPECIAL);
  }

  private boolean ofLabel() {
    return (kind & Kind.MASK) == Kind.LABEL;
  }

  /** S: the sum over all classes and the sink. */
  double total() {
    return ofLabel() ? sum + mass : sum;
  }

  /** E: the term that the maximum would have. */
  double largestTerm(Arithmetic arithmetic) {
    return arithmetic.exponential(max, reference) * Exponential.UNSCALE;
  }

  /** D = log-sum-exp - max, never negative. */
  double distance(Arithmetic arithmetic) {
    double total = total();
    double largest = largestTerm(arithmetic);
    if (total <= largest) {
      return 0;
    }
    return total <= 2 * largest
        ? arithmetic.logOnePlus((total - largest) / largest)
        : arithmetic.farDistance(total, largest, reference, max);
  }

  /** log sum exp(x) of a row without special kind, in double. */
  double logSumExp(Arithmetic arithmetic) {
    return shift + (max + distance(arithmetic));
  }

  void load(MemorySegment statistics, long row) {
    struct.load(statistics, row);
    boolean wide = (struct.kind & Kind.WIDE) != 0;
    kind = struct.kind;
    shift = wide ? struct.wideShift : struct.shift;
    max = wide ? struct.wideMax : struct.max;
    reference = struct.reference;
    sum = struct.sum;
    mass = struct.mass;
    pull = struct.pull;
    share = struct.share;
  }

  void store(MemorySegment statistics, long row) {
    boolean wide = is(Kind.WIDE);
    struct.clear(kind);
    struct.reference = (float) reference;
    struct.sum = sum;
    struct.mass = mass;
    struct.pull = pull;
    struct.share = share;
    if (wide) {
      struct.wideShift = shift;
      struct.wideMax = max;
    } else {
      struct.shift = (float) shift;
      struct.max = (float) max;
    }
    struct.store(statistics, row);
  }
}
