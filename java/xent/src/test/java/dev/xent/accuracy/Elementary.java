// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

/** Exponentials and logarithms to at least 1e-28 of their value. */
final class Elementary {
  /** ln 2 as three doubles. */
  private static final double[] LN2 = {
    0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56, 0x1.7b57a079a1934p-111
  };

  /** Below it the exponential is taken as 0: the pair of doubles would run out of exponents. */
  private static final double LOWEST = -600;

  private static final DoubleDouble[] INVERSE_FACTORIALS = inverseFactorials();

  /** How often the argument of {@link #expMinusOne} is halved. */
  private static final int HALVINGS = 8;

  private Elementary() {}

  private static DoubleDouble[] inverseFactorials() {
    DoubleDouble[] inverse = new DoubleDouble[11];
    inverse[0] = DoubleDouble.ONE;
    for (int n = 1; n < inverse.length; n++) {
      inverse[n] = inverse[n - 1].dividedBy(DoubleDouble.of(n));
    }
    return inverse;
  }

  /** exp(x), x at most 700; 0 below -600. */
  static DoubleDouble exp(DoubleDouble x) {
    if (x.high() < LOWEST) {
      return DoubleDouble.ZERO;
    }
    double k = Math.rint(x.high() / LN2[0]);
    DoubleDouble rest = x;
    for (double part : LN2) {
      rest = rest.minus(DoubleDouble.product(k, part));
    }
    return expMinusOne(rest).plus(1).scaled((int) k);
  }

  /** exp(x) - 1 for |x| at most 0.4: the series at x / 2^8, then eight times e + 1 -> (e + 1)^2. */
  private static DoubleDouble expMinusOne(DoubleDouble x) {
    DoubleDouble t = x.scaled(-HALVINGS);
    double tail = 0; // terms so small that a double holds all that matters of them
    for (int n = 10; n > 5; n--) {
      tail = tail * t.high() + INVERSE_FACTORIALS[n].high();
    }
    DoubleDouble series = DoubleDouble.product(tail, t.high()).plus(INVERSE_FACTORIALS[5]);
    for (int n = 4; n > 0; n--) {
      series = series.times(t).plus(INVERSE_FACTORIALS[n]);
    }
    DoubleDouble e = series.times(t);
    for (int i = 0; i < HALVINGS; i++) {
      e = e.scaled(1).plus(e.times(e));
    }
    return e;
  }

  /** log(x), x positive and normal. */
  static DoubleDouble log(DoubleDouble x) {
    int k = Math.getExponent(x.high() * Math.sqrt(2));
    DoubleDouble logOfMantissa = nearLogOnePlus(x.scaled(-k).plus(-1));
    DoubleDouble sum = DoubleDouble.ZERO;
    for (int i = LN2.length - 1; i >= 0; i--) {
      sum = sum.plus(DoubleDouble.product(k, LN2[i]));
    }
    return sum.plus(logOfMantissa);
  }

  /** log(1 + q), q not below 0. */
  static DoubleDouble logOnePlus(DoubleDouble q) {
    return q.high() < 0.4 ? nearLogOnePlus(q) : log(q.plus(1));
  }

  /**
   * log(1 + q), q in [-0.3, 0.42]: y from the library, then log((1 + q) exp(-y)) added, which is
   * small and hence its own series.
   */
  private static DoubleDouble nearLogOnePlus(DoubleDouble q) {
    double y = Math.log1p(q.high());
    DoubleDouble shrink = expMinusOne(DoubleDouble.of(-y));
    DoubleDouble rest = shrink.times(q.plus(1)).plus(q);
    return rest.minus(rest.times(rest).scaled(-1)).plus(y);
  }
}
