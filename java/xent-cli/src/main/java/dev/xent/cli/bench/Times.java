// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.util.List;

/**
 * The times of one call: in nanoseconds, unless another unit is named.
 *
 * @param median of the samples
 * @param best of the samples
 */
record Times(double median, double best) {
  static Times of(List<Double> samples) {
    double[] sorted = samples.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int half = sorted.length / 2;
    double median = sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    return new Times(median, sorted[0]);
  }

  /** The same per element. */
  Times per(long elements) {
    return new Times(median / elements, best / elements);
  }
}
