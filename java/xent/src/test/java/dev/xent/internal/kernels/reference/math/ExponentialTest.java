// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExponentialTest {
  private static final Exponential EXPONENTIAL = new Exponential();

  private static int bits(float v) {
    return Float.floatToRawIntBits(v);
  }

  @Test
  void zeroIsThePowerOfTwoOfTheScale() {
    assertThat(EXPONENTIAL.of(0f, 0f)).isEqualTo(0x1p30f);
    assertThat(EXPONENTIAL.of(-0f, 0f)).isEqualTo(0x1p30f);
  }

  @ParameterizedTest
  @ValueSource(floats = {-23637, -157, 0, 1, 157, 23637})
  void farBelowTheReferenceIsPositiveZero(float reference) {
    float lowest = Math.fma(reference, Constants.LN2_HI, Constants.FLOOR);
    assertThat(bits(EXPONENTIAL.of(Float.NEGATIVE_INFINITY, reference))).isZero();
    assertThat(bits(EXPONENTIAL.of(-Float.MAX_VALUE, reference))).isZero();
    assertThat(bits(EXPONENTIAL.of(lowest, reference))).isZero();
    assertThat(bits(EXPONENTIAL.of(Math.nextDown(lowest), reference))).isZero();
  }

  @ParameterizedTest
  @ValueSource(floats = {-23637, 0, 23637})
  void notANumberStaysNotANumber(float reference) {
    assertThat(EXPONENTIAL.of(Float.NaN, reference)).isNaN();
  }

  @Test
  void referencesAreBoundedIntegers() {
    assertThat(Exponential.reference(0f)).isZero();
    assertThat(Exponential.reference(0.35f)).isEqualTo(1f);
    assertThat(Exponential.reference(-0.34f)).isZero();
    assertThat(Exponential.reference(100f)).isEqualTo(144f);
    assertThat(Exponential.reference(Float.NEGATIVE_INFINITY))
        .isEqualTo(Constants.LOWEST_REFERENCE);
    assertThat(Exponential.reference(-16384f)).isEqualTo(-23637f);
    assertThat(Exponential.reference(1e38f)).isEqualTo(23637f);
  }

  /** Good to 1.16 ulp near its reference, measured here against double. */
  @Property(tries = 20000)
  void closeToTheExponential(@ForAll @FloatRange(min = -650, max = 650) float x) {
    float reference = Exponential.reference(x);
    double exact = Math.exp(x) * Math.pow(2, 30 - reference);
    double ulp = Math.ulp((float) exact);
    assertThat(Math.abs(EXPONENTIAL.of(x, reference) - exact) / ulp).isLessThan(1.16);
  }

  /** Changing the reference multiplies by an exact power of two while the result is normal. */
  @Property
  void anotherReferenceIsAnExactPowerOfTwo(
      @ForAll @FloatRange(min = -16384, max = 16384) float x,
      @ForAll @IntRange(min = -60, max = 60) int step) {
    float reference = Exponential.reference(x);
    float expected = Math.scalb(EXPONENTIAL.of(x, reference), -step);
    assertThat(EXPONENTIAL.of(x, reference + step)).isEqualTo(expected);
  }

  @Property
  void manyAreEachAsOne(
      @ForAll float[] x, @ForAll @FloatRange(min = -16384, max = 16384) float max) {
    float reference = Exponential.reference(max);
    double[] values = new double[x.length];
    double[] e = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      values[i] = x[i];
    }
    EXPONENTIAL.of(values, 0, x.length, reference, e);
    for (int i = 0; i < x.length; i++) {
      assertThat(Float.floatToIntBits((float) e[i]))
          .isEqualTo(Float.floatToIntBits(EXPONENTIAL.of(x[i], reference)));
    }
  }
}
