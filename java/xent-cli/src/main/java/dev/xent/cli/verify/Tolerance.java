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

  /**
   * Whether values with different bits count as equal.
   *
   * @param ulps their distance
   */
  boolean accepts(Value actual, Value expected, long ulps) {
    if (exact()) {
      return false;
    }
    if (actual.isNaN() || expected.isNaN()) {
      return actual.isNaN() && expected.isNaN();
    }
    double a = actual.number();
    double e = expected.number();
    double distance = actual instanceof Value.Whole ? ulps : Math.abs(a - e);
    boolean finite = Double.isFinite(a) && Double.isFinite(e);
    return (finite && near(distance, e)) || steps(ulps);
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
