// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Float64;
import java.util.Arrays;

/** Filters the remaining candidates. Each filter keeps a contiguous range, which is never empty. */
final class Filters {
  private static final int BUCKETS = 512;
  private static final int BUCKETS_PER_E = 16;

  /** The fixed-point unit in the sums of a standard deviation. */
  private static final double UNIT = 0x1p31;

  /** The range of a temperature. */
  private static final double LEAST_TEMPERATURE = 0x1p-32;

  private static final double MOST_TEMPERATURE = 0x1p32;

  private final Candidates left;
  private final Weights weights = new Weights();
  private final Arithmetic logarithm = new Float64();
  private long classes;
  private double temperature;
  private long keep;

  /**
   * The mass and the number of candidates per bucket, in sixteenths of the exponent below the
   * largest.
   */
  private final long[] masses = new long[BUCKETS];

  private final int[] counts = new int[BUCKETS];

  Filters(Candidates left) {
    this.left = left;
  }

  /**
   * Begins a row of {@code ofRow} classes.
   *
   * @param temperatureOfFilters 0 means 1
   * @param atLeast number of first candidates that every filter keeps; 0 means 1
   */
  void begin(long ofRow, double temperatureOfFilters, long atLeast) {
    classes = ofRow;
    temperature = temperatureOfFilters == 0 ? 1 : temperatureOfFilters;
    keep = Math.max(atLeast, 1);
  }

  /** Keeps the first k candidates; with {@code allEquals}, also those equal to the k-th. */
  void topK(long k, boolean allEquals) {
    long wanted = Math.max(k, keep);
    if (wanted >= left.count) {
      return;
    }
    left.sort();
    int end = (int) wanted;
    while (allEquals && end < left.count && left.value(end) == left.value(end - 1)) {
      end++;
    }
    left.keep(0, end);
  }

  /** Keeps the shortest prefix with a mass of at least p. */
  void topP(double p) {
    weights.of(left, temperature, classes);
    long needed = Mass.atLeast(p, weights.sum);
    if (!left.isSorted()) {
      leaveOut(needed);
      left.sort();
      weights.of(left, temperature, classes);
    }
    keepMass(needed);
  }

  /** Removes weighted classes that come after this mass, so that fewer are sorted. */
  private void leaveOut(long needed) {
    Arrays.fill(masses, 0);
    Arrays.fill(counts, 0);
    float max = left.largest();
    float scale = (float) (BUCKETS_PER_E / temperature);
    for (int i = 0; i < left.count; i++) {
      int bucket = bucket(left.value(i), max, scale);
      masses[bucket] += weights.get(i);
      counts[bucket]++;
    }
    long mass = 0;
    long count = 0;
    int last = -1;
    while (last < BUCKETS - 1 && (mass < needed || count < keep)) {
      last++;
      mass += masses[last];
      count += counts[last];
    }
    int kept = 0;
    for (int i = 0; i < left.count; i++) {
      if (bucket(left.value(i), max, scale) <= last) {
        left.move(i, kept++);
      }
    }
    left.count = kept;
  }

  /** Monotonic: a smaller value never has a smaller bucket. */
  private static int bucket(float value, float max, float scale) {
    return Math.min((int) ((max - value) * scale), BUCKETS - 1);
  }

  /** Keeps the shortest prefix with at least this mass; the candidates must be weighted. */
  void keepMass(long needed) {
    long before = 0;
    int end = 0;
    while (end < left.count && (before < needed || end < keep)) {
      before += weights.get(end);
      end++;
    }
    left.keep(0, end);
  }

  /** Keeps the candidates whose probability is at least p times the largest. */
  void minP(double p) {
    left.sort();
    keepFrom(threshold(p, left.value(0)));
  }

  /** Keeps the candidates that are at least the threshold; they must be sorted. */
  private void keepFrom(double threshold) {
    int end = 0;
    while (end < left.count && (left.value(end) >= threshold || end < keep)) {
      end++;
    }
    left.keep(0, end);
  }

  private double threshold(double p, float max) {
    double below = logarithm.log(Math.max(p, Double.MIN_NORMAL)) * temperature;
    return max + below;
  }

  /**
   * Keeps the candidates with the smallest scores whose mass is at least p. The score is the
   * distance of the log-probability from its mean. Along the order, scores fall and then rise.
   */
  void typicalP(double p) {
    left.sort();
    weights.of(left, temperature, classes);
    double mean = meanDistance();
    int begin = 0;
    while (begin < left.count && weights.distance(left, begin) < mean) {
      begin++;
    }
    int end = begin;
    long needed = Mass.atLeast(p, weights.sum);
    long before = 0;
    while (end - begin < left.count && (before < needed || end - begin < keep)) {
      double least = Math.min(score(begin - 1, mean), score(end, mean));
      while (score(begin - 1, mean) == least) {
        begin--;
        before += weights.get(begin);
      }
      while (score(end, mean) == least) {
        before += weights.get(end);
        end++;
      }
    }
    left.keep(begin, end);
  }

  /** Keeps the candidates at most n standard deviations below the largest. */
  void topNSigma(double n) {
    left.sort();
    double most = left.value(0);
    double below = n * deviation();
    keepFrom(most - below);
  }

  /**
   * The standard deviation, from integer sums of the distances from the largest, as fractions of
   * the range, and of their squares.
   */
  private double deviation() {
    double most = left.value(0);
    double range = most - left.value(left.count - 1);
    if (!(range > 0)) {
      return 0;
    }
    double perRange = 1 / range;
    long sum = 0;
    long squares = 0;
    for (int i = 0; i < left.count; i++) {
      double share = (most - left.value(i)) * perRange;
      sum += (long) Math.rint(share * UNIT);
      squares += (long) Math.rint(share * share * UNIT);
    }
    double unit = left.count * UNIT;
    double mean = sum / unit;
    double square = mean * mean;
    double variance = squares / unit - square;
    return variance > 0 ? range * Math.sqrt(variance) : 0;
  }

  /** Removes the candidates above the smallest one that has this share of the sum. */
  void xtc(double share) {
    left.sort();
    weights.of(left, temperature, classes);
    long needed = Mass.atLeast(share, weights.sum);
    int last = left.count - 1;
    while (last >= 0 && weights.get(last) < needed) {
      last--;
    }
    while (last > 0 && left.value(last - 1) == left.value(last)) {
      last--;
    }
    if (last >= 0 && left.count - last >= keep) {
      left.keep(last, left.count);
    }
  }

  /**
   * The temperature after its change by the entropy of the candidates, as a share of that of equal
   * probabilities: from {@code range} below the temperature, at least 0, to {@code range} above it.
   *
   * @param ofDraw 0 means 1
   */
  double dynamicTemperature(double ofDraw, double range, double exponent) {
    double middle = ofDraw == 0 ? 1 : ofDraw;
    if (!(range > 0) || left.count < 2) {
      return middle;
    }
    left.sort();
    weights.of(left, 1, classes);
    double entropy = meanDistance() + logarithm.log((double) weights.sum / weights.get(0));
    double share = entropy / logarithm.log(left.count);
    double power = exponent * logarithm.log(Math.max(share, Double.MIN_NORMAL));
    double least = Math.max(middle - range, 0);
    double added = (middle + range - least) * Float64.plainExponential(Math.min(power, 0));
    return Math.clamp(least + added, LEAST_TEMPERATURE, MOST_TEMPERATURE);
  }

  /** The mean distance from the largest, summed in integers before the division. */
  private double meanDistance() {
    long sum = 0;
    for (int i = 0; i < left.count; i++) {
      sum += (long) Math.rint(weights.get(i) * weights.distance(left, i));
    }
    return (double) sum / weights.sum;
  }

  /** The score of a candidate; infinity if the index is out of range. */
  private double score(int i, double mean) {
    return i < 0 || i >= left.count
        ? Double.POSITIVE_INFINITY
        : Math.abs(weights.distance(left, i) - mean);
  }
}
