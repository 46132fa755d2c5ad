// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

/** The errors of one result, against what is promised. */
final class Measure {
  private final String result;
  private final String unit;
  private final double promise;
  private double worst;
  private double sum;
  private long count;
  private String where = "";

  /**
   * @param unit what an error of 1 is
   * @param promise the largest error allowed
   */
  Measure(String result, String unit, double promise) {
    this.result = result;
    this.unit = unit;
    this.promise = promise;
  }

  /** Takes an error of 0 or more; one that is NaN is the worst of all. */
  void add(double error, Row row, int k) {
    count++;
    sum += error;
    if (!(error <= worst)) {
      worst = Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
      where = row.name() + ", class " + k;
    }
  }

  boolean holds() {
    return worst <= promise;
  }

  /** Whether there was something to measure. */
  boolean isMeasured() {
    return count > 0;
  }

  double mean() {
    return sum / count;
  }

  static String header() {
    return format("result", "error in", "allowed", "worst", "mean", "worst at");
  }

  @Override
  public String toString() {
    return format(result, unit, text(promise), text(worst), text(mean()), where);
  }

  private static String text(double value) {
    return value == 0 ? "0" : "%.3g".formatted(value);
  }

  private static String format(Object... cells) {
    return "%-34s %-28s %9s %9s %9s  %s".formatted(cells);
  }
}
