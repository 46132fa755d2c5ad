// SPDX-License-Identifier: Apache-2.0
package dev.xent.calibration;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The rows, the right rows and the confidences of each bin. */
final class Bins {
  /** Confidences are added as whole multiples of this, so that their order changes nothing. */
  static final double UNIT = 0x1p-32;

  /** One more than the bins: bin i is above bound i and at most bound i + 1. */
  private final double[] bounds;

  final long[] counts;
  final long[] right;
  final long[] confidences;

  private Bins(double[] bounds) {
    this.bounds = bounds;
    int bins = bounds.length - 1;
    counts = new long[bins];
    right = new long[bins];
    confidences = new long[bins];
  }

  /** Returns empty bins of equal widths. */
  static Bins ofWidths(int bins) {
    double[] bounds = new double[bins + 1];
    Arrays.setAll(bounds, i -> (double) i / bins);
    return new Bins(bounds);
  }

  /**
   * Returns bins between quantiles.
   *
   * @param kept confidences, with the sign bit set if the row is right
   */
  static Bins ofCounts(int bins, long[] kept, int count) {
    double[] sorted = new double[count];
    Arrays.setAll(sorted, i -> Double.longBitsToDouble(kept[i] & Long.MAX_VALUE));
    Arrays.sort(sorted);
    double[] bounds = new double[bins + 1];
    for (int i = 0; i <= bins && count > 0; i++) {
      double place = (double) i / bins * (count - 1);
      int below = (int) place;
      double upper = sorted[Math.min(below + 1, count - 1)];
      bounds[i] = sorted[below] + (upper - sorted[below]) * (place - below);
    }
    Bins filled = new Bins(bounds);
    for (int i = 0; i < count; i++) {
      filled.add(Double.longBitsToDouble(kept[i] & Long.MAX_VALUE), kept[i] < 0);
    }
    return filled;
  }

  /** Adds a row. */
  void add(double confidence, boolean isRight) {
    int first = 1;
    int last = counts.length;
    while (first < last) { // the first upper bound that is not below the confidence
      int middle = (first + last) >>> 1;
      if (bounds[middle] < confidence) {
        first = middle + 1;
      } else {
        last = middle;
      }
    }
    counts[first - 1]++;
    right[first - 1] += isRight ? 1 : 0;
    confidences[first - 1] += Math.round(confidence / UNIT);
  }

  /** Adds the rows of bins with the same bounds. */
  void add(Bins other) {
    for (int i = 0; i < counts.length; i++) {
      counts[i] += other.counts[i];
      right[i] += other.right[i];
      confidences[i] += other.confidences[i];
    }
  }

  /** Returns the sum over the bins of |right - confidences|. */
  double error() {
    double sum = 0;
    for (int i = 0; i < counts.length; i++) {
      sum += Math.abs(right[i] - confidences[i] * UNIT);
    }
    return sum;
  }

  List<CalibrationBin> list() {
    List<CalibrationBin> list = new ArrayList<>();
    for (int i = 0; i < counts.length; i++) {
      double count = counts[i];
      list.add(
          new CalibrationBin(
              bounds[i],
              bounds[i + 1],
              counts[i],
              confidences[i] * UNIT / count,
              right[i] / count));
    }
    return list;
  }

  /** Returns the numbers of all bins, for {@link #take}. */
  long[] toNumbers() {
    int bins = counts.length;
    long[] numbers = Arrays.copyOf(counts, 3 * bins);
    System.arraycopy(right, 0, numbers, bins, bins);
    System.arraycopy(confidences, 0, numbers, 2 * bins, bins);
    return numbers;
  }

  /** Sets the numbers of all bins. Returns false if that many rows cannot have them. */
  boolean take(long[] numbers, long rows) {
    int bins = counts.length;
    if (numbers.length != 3 * bins) {
      return false;
    }
    System.arraycopy(numbers, 0, counts, 0, bins);
    System.arraycopy(numbers, bins, right, 0, bins);
    System.arraycopy(numbers, 2 * bins, confidences, 0, bins);
    long left = rows;
    for (int i = 0; i < bins; i++) {
      boolean fits = counts[i] >= 0 && counts[i] <= left;
      fits &= right[i] >= 0 && right[i] <= counts[i];
      fits &= confidences[i] >= 0 && confidences[i] * UNIT <= counts[i];
      left -= fits ? counts[i] : left + 1;
    }
    return left >= 0;
  }
}
