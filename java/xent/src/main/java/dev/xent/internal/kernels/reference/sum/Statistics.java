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
 * The data that a row keeps for its second pass or a later backward: a record of {@link
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

  /** The digest of everything that the statistics depend on. */
  public int digest;

  /** N: sum = sum of exp((x - shift) / temperature) / 2^N. */
  public double reference;

  /** The number that is subtracted from the logits before all other steps. */
  public double shift;

  /** The maximum of the shifted row. */
  public double max;

  /** The sum over all classes; with a label, over the others. */
  public double sum;

  /** The label's own term, or the sum of the targets. */
  public double mass;

  /** The factor of the probabilities in the gradient. */
  public double pull;

  /**
   * The share of smoothing per class of the even set; for a focal loss, the factor of its gradient.
   */
  public double share;

  /** Sets all fields except the kind and the digest to 0. */
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
   * Computes all fields from a fold, except pull and share.
   *
   * @param ofKind the kind of the states
   * @param ofShift the shift of the logits
   * @param maskedIsZero whether a row of -infinity is a masked row; otherwise it is a NaN row
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

  /** The value of the classes of a special row: NaN, or {@code nothing}. */
  public double special(double nothing) {
    return is(Kind.NAN_ROW) ? Double.NaN : nothing;
  }

  /** S: the sum over all classes and the sink. */
  public double total() {
    return isOfLabel() ? sum + mass : sum;
  }

  /** E: the term of the maximum. */
  public double largestTerm(Arithmetic arithmetic) {
    return arithmetic.exponential(max, reference) * arithmetic.unscale;
  }

  /** D = log-sum-exp - max, never negative; not for special rows. */
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

  /** Log-sum-exp in double; not for special rows. */
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
