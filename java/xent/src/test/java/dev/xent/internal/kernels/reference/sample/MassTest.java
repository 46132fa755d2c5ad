// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Products of 128 bits against integers of any length. */
class MassTest {
  private static final int SAMPLES = 20_000;
  private static final double[] SHARES = {
    Double.MIN_VALUE,
    Double.MIN_NORMAL,
    1e-300,
    0x1p-64,
    0x1p-63,
    0x1.8p-12,
    0x1p-11,
    0x1p-12,
    0.1,
    0.5,
    0.9,
    Math.nextDown(1.0),
    1
  };

  private final SplittableRandom random = new SplittableRandom(11);

  private long sum() {
    return 1 + (random.nextLong(Long.MAX_VALUE) >> random.nextInt(63));
  }

  @Test
  void aShareOfASumIsRoundedUp() {
    for (int i = 0; i < SAMPLES; i++) {
      double p =
          i % 2 == 0
              ? SHARES[random.nextInt(SHARES.length)]
              : random.nextDouble() * Math.scalb(1.0, -random.nextInt(80));
      long sum = sum();
      BigDecimal product = new BigDecimal(p).multiply(BigDecimal.valueOf(sum));
      assertThat(Mass.atLeast(p, sum))
          .as("%s of %d", p, sum)
          .isEqualTo(product.setScale(0, RoundingMode.CEILING).longValueExact());
    }
    assertThat(Mass.atLeast(0, 5)).isZero();
  }

  @Test
  void randomBitsPointAtAPlaceBelowTheSum() {
    for (int i = 0; i < SAMPLES; i++) {
      long high = i % 3 == 0 ? -1 : random.nextLong();
      long low = i % 5 == 0 ? -1 : random.nextLong();
      long sum = sum();
      BigInteger bits = unsigned(high).shiftLeft(64).add(unsigned(low));
      long expected = bits.multiply(BigInteger.valueOf(sum)).shiftRight(128).longValueExact();
      assertThat(Mass.pointedAt(high, low, sum)).isEqualTo(expected).isLessThan(sum);
    }
  }

  private static BigInteger unsigned(long bits) {
    return new BigInteger(Long.toUnsignedString(bits));
  }
}
