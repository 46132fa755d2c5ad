// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UlpsTest {
  @Test
  void countsAcrossZeroAndToInfinity() {
    assertThat(between(-0.0f, 0.0f)).isZero();
    assertThat(between(-Float.MIN_VALUE, Float.MIN_VALUE)).isEqualTo(2);
    assertThat(between(Float.MAX_VALUE, Float.POSITIVE_INFINITY)).isEqualTo(1);
    assertThat(between(Float.NaN, 1f)).isEqualTo(Ulps.NONE);
    assertThat(between(Float.NaN, Float.NaN)).isZero();
  }

  @Test
  void countsIntegersWithTheSignOfTheirType() {
    assertThat(whole(false, Long.MIN_VALUE, Long.MAX_VALUE)).isEqualTo(Ulps.NONE);
    assertThat(whole(true, Long.MIN_VALUE, Long.MAX_VALUE)).isEqualTo(1);
    assertThat(whole(true, -1, 0)).isEqualTo(Ulps.NONE);
    assertThat(new Value.Whole(true, -1).text()).isEqualTo("18446744073709551615");
    assertThat(new Value.Whole(false, -1).json()).hasToString("-1");
  }

  private static long whole(boolean unsigned, long a, long b) {
    return Ulps.between(new Value.Whole(unsigned, a), new Value.Whole(unsigned, b));
  }

  @ParameterizedTest
  @CsvSource({
    "F16, 0x8000, 0x0000, 0",
    "F16, 0x8001, 0x0001, 2",
    "F16, 0x3c00, 0x3c03, 3",
    "F16, 0x7bff, 0x7c00, 1",
    "BF16, 0x8001, 0x0001, 2",
    "BF16, 0x3f80, 0x3f83, 3",
    "F64, 0x1, 0x3, 2"
  })
  void countsInTheNumbersOfTheType(DType type, String a, String b, long ulps) {
    assertThat(Ulps.between(value(type, a), value(type, b))).isEqualTo(ulps);
  }

  @Test
  void saysNoneWhereALongCannotHoldIt() {
    Value.Floating largest = doubleOf(Double.MAX_VALUE);
    assertThat(Ulps.between(doubleOf(-Double.MAX_VALUE), largest)).isEqualTo(Ulps.NONE);
    assertThat(Ulps.between(doubleOf(Double.NaN), largest)).isEqualTo(Ulps.NONE);
    assertThat(Ulps.between(value(DType.F16, "0x7e00"), value(DType.F16, "0x3c00")))
        .isEqualTo(Ulps.NONE);
  }

  @Property
  void theNextFloatIsOneAwayAndDistanceIsSymmetric(@ForAll float a, @ForAll float b) {
    if (a < Float.POSITIVE_INFINITY) {
      assertThat(between(a, Math.nextUp(a))).isEqualTo(1);
    }
    assertThat(between(a, b)).isEqualTo(between(b, a));
  }

  private static long between(float a, float b) {
    return Ulps.between(floatOf(a), floatOf(b));
  }

  private static Value.Floating floatOf(float value) {
    return new Value.Floating(DType.F32, Integer.toUnsignedLong(Float.floatToRawIntBits(value)));
  }

  private static Value.Floating doubleOf(double value) {
    return new Value.Floating(DType.F64, Double.doubleToRawLongBits(value));
  }

  private static Value.Floating value(DType type, String bits) {
    return new Value.Floating(type, Long.decode(bits));
  }
}
