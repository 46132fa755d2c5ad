// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the other tests here take as the truth is held against sixty decimal digits. */
class ElementaryTest {
  private static final MathContext DIGITS = new MathContext(60);
  private static final BigDecimal TWO = BigDecimal.valueOf(2);
  private static final double GOOD = 1e-28;

  private static BigDecimal exact(DoubleDouble x) {
    return new BigDecimal(x.high()).add(new BigDecimal(x.low()));
  }

  private static double relativeError(BigDecimal actual, BigDecimal expected) {
    return expected.signum() == 0
        ? actual.signum() == 0 ? 0 : Double.POSITIVE_INFINITY
        : actual.subtract(expected).divide(expected, DIGITS).abs().doubleValue();
  }

  /** The power series at x / 2^halvings, squared {@code halvings} times. */
  private static BigDecimal exp(BigDecimal x) {
    MathContext wide = new MathContext(90);
    int halvings = 4 + Math.max(0, Math.getExponent(x.doubleValue()));
    BigDecimal t = x.divide(TWO.pow(halvings), wide);
    BigDecimal term = BigDecimal.ONE;
    BigDecimal sum = BigDecimal.ONE;
    for (int n = 1; n < 50; n++) {
      term = term.multiply(t, wide).divide(BigDecimal.valueOf(n), wide);
      sum = sum.add(term, wide);
    }
    for (int i = 0; i < halvings; i++) {
      sum = sum.multiply(sum, wide);
    }
    return sum;
  }

  private static DoubleDouble random(SplittableRandom random, double spread) {
    double high = random.nextGaussian() * spread;
    return DoubleDouble.sum(high, high * random.nextDouble(-0x1p-54, 0x1p-54));
  }

  @ParameterizedTest
  @ValueSource(doubles = {1e-20, 1e-8, 0.01, 1, 30, 150})
  void exponentials(double spread) {
    SplittableRandom numbers = new SplittableRandom(1);
    for (int i = 0; i < 100; i++) {
      DoubleDouble x = random(numbers, spread);
      assertThat(relativeError(exact(Elementary.exp(x)), exp(exact(x)))).isLessThan(GOOD);
    }
  }

  /** The relative error of log a is at most r if that of exp(log a) is at most r |log a|. */
  @ParameterizedTest
  @ValueSource(doubles = {1e-8, 0.01, 0.3, 3, 30, 100})
  void logarithms(double spread) {
    SplittableRandom numbers = new SplittableRandom(2);
    for (int i = 0; i < 100; i++) {
      DoubleDouble a = Elementary.exp(random(numbers, spread));
      DoubleDouble log = Elementary.log(a);
      assertThat(relativeError(exp(exact(log)), exact(a))).isLessThan(GOOD * Math.abs(log.high()));
    }
    assertThat(Elementary.log(DoubleDouble.ONE)).isEqualTo(DoubleDouble.ZERO);
  }

  @ParameterizedTest
  @ValueSource(doubles = {1e-38, 1e-20, 1e-8, 0.01, 0.3, 0.4, 1, 1e6, 1e38})
  void logarithmsOfOnePlus(double spread) {
    SplittableRandom numbers = new SplittableRandom(3);
    for (int i = 0; i < 100; i++) {
      DoubleDouble q = random(numbers, spread);
      q = q.high() < 0 ? q.negated() : q;
      DoubleDouble log = Elementary.logOnePlus(q);
      BigDecimal back = exp(exact(log)).subtract(BigDecimal.ONE);
      // From log to q errors grow by q' = 1 + q times log / q.
      double growth = (1 + q.high()) * log.high() / q.high();
      assertThat(relativeError(back, exact(q))).isLessThan(GOOD * growth);
    }
    assertThat(Elementary.logOnePlus(DoubleDouble.ZERO)).isEqualTo(DoubleDouble.ZERO);
  }

  @Test
  void arithmetic() {
    SplittableRandom numbers = new SplittableRandom(4);
    for (int i = 0; i < 1000; i++) {
      DoubleDouble a = random(numbers, 1);
      DoubleDouble b = i % 2 == 0 ? random(numbers, 1e9) : a.times(-1 - 0x1p-30);
      BigDecimal x = exact(a);
      BigDecimal y = exact(b);
      assertThat(relativeError(exact(a.plus(b)), x.add(y))).isLessThan(1e-31);
      assertThat(relativeError(exact(a.minus(b)), x.subtract(y))).isLessThan(1e-31);
      assertThat(relativeError(exact(a.times(b)), x.multiply(y))).isLessThan(1e-31);
      assertThat(relativeError(exact(a.dividedBy(b)), x.divide(y, DIGITS))).isLessThan(1e-31);
      assertThat(relativeError(exact(a.plus(b.high())), x.add(new BigDecimal(b.high()))))
          .isLessThan(1e-31);
      assertThat(relativeError(exact(a.times(b.high())), x.multiply(new BigDecimal(b.high()))))
          .isLessThan(1e-31);
    }
  }
}
