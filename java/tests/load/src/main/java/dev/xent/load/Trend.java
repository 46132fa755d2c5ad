// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.Arrays;
import java.util.List;

/**
 * The growth of a value over the samples, by a straight line: the median of the slopes between all
 * pairs of samples (Theil and Sen), which single outliers do not move.
 *
 * @param mean of all samples
 * @param growth along the line, from the first sample to the last
 */
record Trend(double mean, double growth) {
  static final int LEAST_SAMPLES = 3;

  /**
   * Computes the trend.
   *
   * @param samples of which those of the warm-up are omitted
   * @param warmUp in seconds
   */
  static Trend ofResidentMemory(List<Sample> samples, double warmUp) {
    List<Sample> kept = samples.stream().filter(each -> each.seconds() >= warmUp).toList();
    if (kept.size() < LEAST_SAMPLES) {
      throw new IllegalArgumentException(kept.size() + " samples are no trend: run longer");
    }
    int count = kept.size();
    double[] slopes = new double[count * (count - 1) / 2];
    int next = 0;
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < i; j++) {
        Sample early = kept.get(j);
        Sample late = kept.get(i);
        slopes[next++] =
            (late.residentMib() - early.residentMib()) / (late.seconds() - early.seconds());
      }
    }
    Arrays.sort(slopes);
    double slope = (slopes[(slopes.length - 1) / 2] + slopes[slopes.length / 2]) / 2;
    double mean = kept.stream().mapToDouble(Sample::residentMib).average().orElseThrow();
    return new Trend(mean, slope * (kept.getLast().seconds() - kept.getFirst().seconds()));
  }
}
