// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class LogarithmTest {
  private static final double PROMISED = 1.5e-10;

  @Test
  void exactWhereItMustBe() {
    assertThat(Logarithm.of(1)).isZero();
    assertThat(Logarithm.onePlus(0)).isZero();
    assertThat(Logarithm.of(0x1p-1000)).isEqualTo(-1000 * Constants.LN2);
    assertThat(Logarithm.of(0x1p40)).isEqualTo(40 * Constants.LN2);
  }

  /** Its series ends at r^17: smallest error near 1, largest near the square root of two. */
  @Property
  void closeToTheLogarithm(
      @ForAll @DoubleRange(min = 1, max = 2) double m,
      @ForAll @IntRange(min = -1000, max = 1000) int k) {
    double v = Math.scalb(m, k);
    assertThat(Logarithm.of(v)).isCloseTo(Math.log(v), within(PROMISED * scale(Math.log(v))));
  }

  @Property
  void closeToTheLogarithmOfOnePlus(@ForAll @DoubleRange(min = 0, max = 1) double q) {
    double exact = Math.log1p(q);
    assertThat(Logarithm.onePlus(q)).isCloseTo(exact, within(PROMISED * exact + 1e-300));
  }

  /** Small arguments keep their relative precision: that is what small losses live on. */
  @Property
  void tinyArgumentsAreKept(@ForAll @IntRange(min = 30, max = 1000) int k) {
    double q = Math.scalb(1.0, -k);
    assertThat(Logarithm.onePlus(q)).isCloseTo(Math.log1p(q), within(q * 0x1p-51));
  }

  private static double scale(double log) {
    return Math.max(1, Math.abs(log));
  }
}
