// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sum;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.load.RecordNumbers;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import java.lang.foreign.MemorySegment;

/**
 * What a row leaves behind for its second pass or a later backward: a record of {@link
 * Records#STATISTICS} bytes.
 */
public final class Statistics {
  private static final long AT_DIGEST = 4;
  private static final long AT_REFERENCE = 8;
  private static final long AT_ZERO = 12;
  private static final long AT_SHIFT = 16;
  private static final long AT_MAX = 24;
  private static final long AT_SUM = 32;
  private static final long AT_MASS = 40;
  private static final long AT_PULL = 48;
  private static final long AT_SHARE = 56;

  public int kind;

  /** Of what the statistics depend on. */
  public int digest;

  /** N: sum = sum of exp((x - shift) / temperature) / 2^N. */
  public double reference;

  /** Subtracted from the logits before everything else. */
  public double shift;

  /** Of the shifted row. */
  public double max;

  /** Over all classes; with a label over the others. */
  public double sum;

  /** The label's own term, or the sum of the targets. */
  public double mass;

  /** What the probabilities are multiplied with in the gradient. */
  public double pull;

  /** What smoothing gives each class of its set; of a focal loss what its gradient is scaled by. */
  public double share;

  /** Everything 0 but the kind and the digest. */
  public void clear(int ofKind, int ofDigest) {
    kind = ofKind;
    digest = ofDigest;
    reference = 0;
    shift = 0;
    max = 0;
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
  public void take(
      Fold fold, Arithmetic arithmetic, int ofKind, double ofShift, boolean maskedIsZero) {
    clear(ofKind, digest);
    boolean ofLabel = (ofKind & Kind.MASK) == Kind.LABEL;
    double ownMass =
        ofLabel
            ? arithmetic.exponential(fold.labelLogit, fold.reference) * arithmetic.unscale
            : fold.mass();
    double total = ofLabel ? fold.sum() + ownMass : fold.sum();
    if (fold.max == Double.POSITIVE_INFINITY || Double.isNaN(total)) {
      kind |= Kind.NAN_ROW;
    } else if (fold.max == Double.NEGATIVE_INFINITY) {
      kind |= maskedIsZero ? Kind.MASKED_ROW : Kind.NAN_ROW;
    } else if (!Double.isFinite(ownMass)) {
      kind |= Kind.NAN_ROW;
    } else {
      reference = fold.reference;
      shift = ofShift;
      max = fold.max;
      sum = fold.sum();
      mass = ownMass;
    }
  }

  public boolean is(int bit) {
    return (kind & bit) != 0;
  }

  public boolean isOfLabel() {
    return (kind & Kind.MASK) == Kind.LABEL;
  }

  public boolean isSpecial() {
    return is(Kind.SPECIAL);
  }

  /** What the classes of a special row have: NaN, or what stands for nothing. */
  public double special(double nothing) {
    return is(Kind.NAN_ROW) ? Double.NaN : nothing;
  }

  /** S: the sum over all classes and the sink. */
  public double total() {
    return isOfLabel() ? sum + mass : sum;
  }

  /** E: the term that the maximum would have. */
  public double largestTerm(Arithmetic arithmetic) {
    return arithmetic.exponential(max, reference) * arithmetic.unscale;
  }

  /** D = log-sum-exp - max, never negative; of a row that is not special. */
  public double distance(Arithmetic arithmetic) {
    double total = total();
    double largest = largestTerm(arithmetic);
    if (total <= largest) {
      return 0;
    }
    return total <= 2 * largest
        ? arithmetic.logOnePlus((total - largest) / largest)
        : arithmetic.farDistance(total, largest, reference, max);
  }

  /** log sum exp in double; of a row that is not special. */
  public double logSumExp(Arithmetic arithmetic) {
    return arithmetic.logSumExp(shift, max, distance(arithmetic));
  }

  public void load(MemorySegment statistics, long row) {
    long at = row * Records.STATISTICS;
    kind = statistics.get(JAVA_INT_UNALIGNED, at);
    digest = statistics.get(JAVA_INT_UNALIGNED, at + AT_DIGEST);
    reference = statistics.get(JAVA_FLOAT_UNALIGNED, at + AT_REFERENCE);
    shift = RecordNumbers.getDouble(statistics, at + AT_SHIFT);
    max = RecordNumbers.getDouble(statistics, at + AT_MAX);
    sum = RecordNumbers.getDouble(statistics, at + AT_SUM);
    mass = RecordNumbers.getDouble(statistics, at + AT_MASS);
    pull = RecordNumbers.getDouble(statistics, at + AT_PULL);
    share = RecordNumbers.getDouble(statistics, at + AT_SHARE);
  }

  public void store(MemorySegment statistics, long row) {
    long at = row * Records.STATISTICS;
    statistics.set(JAVA_INT_UNALIGNED, at, kind);
    statistics.set(JAVA_INT_UNALIGNED, at + AT_DIGEST, digest);
    statistics.set(JAVA_FLOAT_UNALIGNED, at + AT_REFERENCE, (float) reference);
    statistics.set(JAVA_INT_UNALIGNED, at + AT_ZERO, 0);
    RecordNumbers.setDouble(statistics, at + AT_SHIFT, shift);
    RecordNumbers.setDouble(statistics, at + AT_MAX, max);
    RecordNumbers.setDouble(statistics, at + AT_SUM, sum);
    RecordNumbers.setDouble(statistics, at + AT_MASS, mass);
    RecordNumbers.setDouble(statistics, at + AT_PULL, pull);
    RecordNumbers.setDouble(statistics, at + AT_SHARE, share);
  }
}
