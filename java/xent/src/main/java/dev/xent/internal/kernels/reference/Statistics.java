// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.xent_statistics;
import java.lang.foreign.MemorySegment;

/** What a row leaves behind for its second pass or a later backward: {@code xent_statistics}. */
final class Statistics {
  static final long SIZE = xent_statistics.layout().byteSize();

  /** Subtracted from the logits before everything else; 0 while |max| &lt;= 16384. */
  float shift;

  /** Of the shifted row. */
  float max;

  /** N: sum = sum of exp(x - shift) / 2^N. */
  float reference;

  int kind;

  /** Over all classes; with a label over the others. */
  double sum;

  /** The label's own term, or the sum of the targets of a probability row. */
  double mass;

  /** What the probabilities are multiplied with in the gradient of a general call. */
  double pull;

  /** What smoothing gives each class of a general call. */
  double share;

  /** The shift of double arithmetic. */
  double wideShift;

  /** The max of double arithmetic. */
  double wideMax;

  /** The low part of the sum in double arithmetic. */
  double sumLow;

  private final MemorySegment struct = MemorySegment.ofArray(new long[(int) (SIZE / Long.BYTES)]);

  /** Everything 0 but the kind. */
  void clear(int ofKind) {
    shift = 0;
    max = 0;
    reference = 0;
    kind = ofKind;
    sum = 0;
    mass = 0;
    pull = 0;
    share = 0;
    wideShift = 0;
    wideMax = 0;
    sumLow = 0;
  }

  boolean is(int bit) {
    return (kind & bit) != 0;
  }

  /** S: the sum over all classes. */
  double total() {
    return (kind & Kind.MASK) == Kind.LABEL ? sum + mass : sum;
  }

  /** D = log-sum-exp - max of a row without special kind, never negative. */
  double distance() {
    double total = total();
    double largest = (double) Exponential.of(max, reference) * Exponential.UNSCALE;
    if (total <= 2 * largest) {
      return total <= largest ? 0 : Logarithm.onePlus((total - largest) / largest);
    }
    return Math.fma((double) reference, Constants.LN2, Logarithm.of(total)) - (double) max;
  }

  /** log sum exp(x) of the row. */
  float logSumExp() {
    if (is(Kind.MASKED_ROW)) {
      return Float.NEGATIVE_INFINITY;
    }
    return is(Kind.SPECIAL) ? Float.NaN : (float) ((double) shift + ((double) max + distance()));
  }

  void load(MemorySegment statistics, long row) {
    MemorySegment.copy(statistics, row * SIZE, struct, 0, SIZE);
    shift = xent_statistics.shift(struct);
    max = xent_statistics.max(struct);
    reference = xent_statistics.reference(struct);
    kind = xent_statistics.kind(struct);
    sum = xent_statistics.sum(struct);
    mass = xent_statistics.mass(struct);
    pull = xent_statistics.pull(struct);
    share = xent_statistics.share(struct);
    wideShift = xent_statistics.wide_shift(struct);
    wideMax = xent_statistics.wide_max(struct);
    sumLow = xent_statistics.sum_low(struct);
  }

  void store(MemorySegment statistics, long row) {
    xent_statistics.shift(struct, shift);
    xent_statistics.max(struct, max);
    xent_statistics.reference(struct, reference);
    xent_statistics.kind(struct, kind);
    xent_statistics.sum(struct, Canonical.of(sum));
    xent_statistics.mass(struct, Canonical.of(mass));
    xent_statistics.pull(struct, Canonical.of(pull));
    xent_statistics.share(struct, Canonical.of(share));
    xent_statistics.wide_shift(struct, Canonical.of(wideShift));
    xent_statistics.wide_max(struct, Canonical.of(wideMax));
    xent_statistics.sum_low(struct, Canonical.of(sumLow));
    MemorySegment.copy(struct, 0, statistics, row * SIZE, SIZE);
  }
}
