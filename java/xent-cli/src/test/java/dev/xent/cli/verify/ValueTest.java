// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ValueTest {
  @Test
  void countsAcrossZeroAndToInfinity() {
    assertThat(between(-0.0f, 0.0f)).isZero();
    assertThat(between(-Float.MIN_VALUE, Float.MIN_VALUE)).isEqualTo(2);
    assertThat(between(Float.MAX_VALUE, Float.POSITIVE_INFINITY)).isEqualTo(1);
    assertThat(between(Float.NaN, 1f)).isEqualTo(Value.FAR);
    assertThat(between(Float.NaN, Float.NaN)).isZero();
  }

  @Test
  void countsIntegersWithTheSignOfTheirType() {
    assertThat(whole(false, Long.MIN_VALUE, Long.MAX_VALUE)).isEqualTo(Value.FAR);
    assertThat(whole(true, Long.MIN_VALUE, Long.MAX_VALUE)).isEqualTo(1);
    assertThat(whole(true, -1, 0)).isEqualTo(Value.FAR);
    assertThat(new Value.Whole(true, -1).text()).isEqualTo("18446744073709551615");
    assertThat(new Value.Whole(false, -1).json()).hasToString("-1");
  }

  private static long whole(boolean unsigned, long a, long b) {
    return new Value.Whole(unsigned, a).ulpsTo(new Value.Whole(unsigned, b));
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
    assertThat(value(type, a).ulpsTo(value(type, b))).isEqualTo(ulps);
  }

  @Test
  void saysNoneWhereALongCannotHoldIt() {
    Value.Floating largest = doubleOf(Double.MAX_VALUE);
    assertThat(doubleOf(-Double.MAX_VALUE).ulpsTo(largest)).isEqualTo(Value.FAR);
    assertThat(doubleOf(Double.NaN).ulpsTo(largest)).isEqualTo(Value.FAR);
    assertThat(value(DType.F16, "0x7e00").ulpsTo(value(DType.F16, "0x3c00"))).isEqualTo(Value.FAR);
  }

  @Property
  void theNextFloatIsOneAwayAndDistanceIsSymmetric(@ForAll float a, @ForAll float b) {
    if (a < Float.POSITIVE_INFINITY) {
      assertThat(between(a, Math.nextUp(a))).isEqualTo(1);
    }
    assertThat(between(a, b)).isEqualTo(between(b, a));
  }

  private static long between(float a, float b) {
    return floatOf(a).ulpsTo(floatOf(b));
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
