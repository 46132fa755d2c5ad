// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** If the CPU has no fused multiply-add, the bits are those of {@link Math#fma}. */
@Execution(ExecutionMode.CONCURRENT)
class FmaTest {
  private static final int TRIES = 200_000;

  private static final double[] SPECIAL = {
    0.0,
    -0.0,
    1,
    -1,
    Double.NaN,
    Double.POSITIVE_INFINITY,
    Double.NEGATIVE_INFINITY,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    Float.MIN_NORMAL,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    Double.MIN_VALUE,
    Double.MIN_NORMAL,
    Double.MAX_VALUE,
    -Double.MAX_VALUE,
    0x1p-149,
    0x1p-537,
    0x1.fffffffffffffp511,
    3,
    0x1.000002p0,
    0x1.fffffep-1,
    0x1.0000000000001p0
  };

  private static void assertSame(float a, float b, float c) {
    int expected = Float.floatToIntBits(Math.fma(a, b, c));
    int found = Float.floatToIntBits(Fma.ofFloats(a, b, c));
    if (found != expected) { // millions of assertions would take longer than the arithmetic
      assertThat(found).as("%a %a %a", a, b, c).isEqualTo(expected);
    }
  }

  private static void assertSame(double a, double b, double c) {
    long expected = Double.doubleToLongBits(Math.fma(a, b, c));
    long found = Double.doubleToLongBits(Fma.ofDoubles(a, b, c));
    if (found != expected) {
      assertThat(found).as("%a %a %a", a, b, c).isEqualTo(expected);
    }
  }

  @Test
  void specialNumbers() {
    for (double a : SPECIAL) {
      for (double b : SPECIAL) {
        for (double c : SPECIAL) {
          assertSame((float) a, (float) b, (float) c);
          assertSame(a, b, c);
        }
      }
    }
  }

  /** Any bits; most results are far from both the product and the addend, or one of them. */
  @Test
  void anyBits() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < TRIES; i++) {
      assertSame(
          Float.intBitsToFloat(random.nextInt()),
          Float.intBitsToFloat(random.nextInt()),
          Float.intBitsToFloat(random.nextInt()));
      assertSame(
          Double.longBitsToDouble(random.nextLong()),
          Double.longBitsToDouble(random.nextLong()),
          Double.longBitsToDouble(random.nextLong()));
    }
  }

  /**
   * An addend near the product, near its negative, and half a unit of it: there the second rounding
   * of a sum in double would be wrong.
   *
   * @param exponent of the factors: results down to the least and up to the largest numbers
   */
  @ParameterizedTest
  @ValueSource(ints = {-74, -63, -12, 0, 30, 62})
  void whereRoundingTwiceIsWrong(int exponent) {
    SplittableRandom random = new SplittableRandom(exponent);
    for (int i = 0; i < TRIES / 10; i++) {
      float a = Math.scalb(1 + random.nextInt(1 << 12) * 0x1p-12f, exponent);
      float b = Math.scalb(1 + random.nextInt(1 << 23) * 0x1p-23f, exponent);
      float product = a * b;
      for (int k = -30; k <= 30; k++) {
        float c = Math.scalb(product, k) * (random.nextBoolean() ? 1 : -1);
        assertSame(a, b, c);
      }
      double wide = Math.scalb(1 + random.nextLong(1L << 52) * 0x1p-52, 7 * exponent);
      for (int k = -58; k <= 58; k += 1 + random.nextInt(3)) {
        assertSame(wide, wide, Math.scalb(wide * wide, k) * (random.nextBoolean() ? 1 : -1));
      }
    }
  }
}
