// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import org.jspecify.annotations.Nullable;

/**
 * Decides whether two numbers count as equal. Equal bits always do. If a tolerance is set, NaN and
 * NaN do, and two numbers do if {@code |actual - expected| <= atol + rtol * |expected|} or if they
 * are at most {@code ulp} representable numbers apart.
 *
 * @param rtol relative tolerance, or null
 * @param atol absolute tolerance, or null
 * @param ulp distance in representable numbers, or null
 */
record Tolerance(@Nullable Double rtol, @Nullable Double atol, @Nullable Long ulp) {

  /** Whether only equal bits are accepted. */
  boolean exact() {
    return rtol == null && atol == null && ulp == null;
  }

  /** Whether floats with different bits count as equal. */
  boolean accepts(double actual, double expected, long ulps) {
    if (exact()) {
      return false;
    }
    if (Double.isNaN(actual) || Double.isNaN(expected)) {
      return Double.isNaN(actual) && Double.isNaN(expected);
    }
    if (Double.isInfinite(actual) || Double.isInfinite(expected)) {
      return steps(ulps);
    }
    return near(Math.abs(actual - expected), expected) || steps(ulps);
  }

  /** Whether different integers count as equal. */
  boolean accepts(Value.Whole expected, long distance) {
    return near(distance, expected.number()) || steps(distance);
  }

  private boolean near(double distance, double expected) {
    return (rtol != null || atol != null)
        && distance <= (atol == null ? 0 : atol) + (rtol == null ? 0 : rtol * Math.abs(expected));
  }

  private boolean steps(long distance) {
    return ulp != null && distance <= ulp;
  }

  /** The options that are set, as on the command line. */
  @Override
  public String toString() {
    return ((rtol == null ? "" : " --rtol " + rtol)
            + (atol == null ? "" : " --atol " + atol)
            + (ulp == null ? "" : " --ulp " + ulp))
        .strip();
  }
}
