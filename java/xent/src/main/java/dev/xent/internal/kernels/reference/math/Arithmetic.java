// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

/**
 * What depends on the type that a call computes in; everything else of a row is written once.
 *
 * <p>Numbers of that type are carried as doubles, which hold a float exactly. A sum, a difference
 * or a product of two floats, computed in double and rounded to float, is that in float. Knows the
 * temperature of the call, which is a factor of the exponent. Holds scratch: one per thread.
 */
public abstract class Arithmetic {
  /** Whether it is float64 arithmetic. */
  public final boolean wide;

  /** Whether the call has a temperature other than 1. */
  public boolean tempered;

  /** 1 / temperature in double; 1 without one. */
  public double inverse = 1;

  /** The same as a number of the type. */
  public double inverseHigh = 1;

  /** The temperature of the call; 1 without one. */
  public double temperature = 1;

  /** What the scale of e is undone with in sums. */
  public final double unscale;

  /** N of -infinity. */
  public final double lowestReference;

  Arithmetic(boolean wide, double unscale, double lowestReference) {
    this.wide = wide;
    this.unscale = unscale;
    this.lowestReference = lowestReference;
  }

  /** Takes the temperature of a call; 0: none. */
  public void begin(double ofCall) {
    tempered = ofCall != 0 && ofCall != 1;
    temperature = tempered ? ofCall : 1;
    inverse = 1 / temperature;
    inverseHigh = round(inverse);
  }

  /** A value rounded to the type. */
  public final double round(double v) {
    return wide ? v : (float) v;
  }

  /** The largest finite number of the type, with a sign. */
  public final double mostFinite(double sign) {
    return Math.copySign(wide ? Double.MAX_VALUE : Float.MAX_VALUE, sign);
  }

  /** a b + c, rounded once to the type. */
  public final double fma(double a, double b, double c) {
    return wide ? Fma.fma(a, b, c) : Fma.fma((float) a, (float) b, (float) c);
  }

  // ---- sums ------------------------------------------------------------------------------------

  /** A sum in this arithmetic, +0. */
  public final Pair pair() {
    return new Pair(wide);
  }

  /**
   * Sums the exponentials of a chunk, a pure function of its values.
   *
   * @param without the class that adds +0 to the sum but counts for the maximum; -1 for none
   * @param max the largest number of the chunk, NaN passed over
   * @param sum of exp(x / temperature) 2^-N, times the scale of e
   * @return N
   */
  public abstract double sumExponentials(double[] x, int count, int without, double max, Pair sum);

  /** The sum of a chunk's terms. */
  public abstract void sum(double[] terms, int count, Pair sum);

  /** Multiplies a sum by 2^k, k &lt;= 0. */
  public abstract void scale(Pair sum, double k);

  /** 2^k where that is a normal number. */
  static double powerOfTwo(double k) {
    return Double.longBitsToDouble((long) (k + 1023) << 52);
  }

  // ---- functions -------------------------------------------------------------------------------

  /** e(x; N), the temperature in it. */
  public abstract double exponential(double x, double reference);

  /** The same of count numbers from one place on, to the beginning of e. */
  public abstract void exponentials(double[] x, int from, int count, double reference, double[] e);

  /** exp of count numbers, no temperature in it. */
  public abstract void plainExponentials(double[] x, int count, double[] y);

  /** N for a chunk with such a maximum. */
  public abstract double reference(double max);

  /** The hyperbolic tangent. */
  public abstract double tanh(double x);

  /** log(v), v &gt; 0. */
  public abstract double log(double v);

  /** log(1 - d), 0 &lt; d &lt;= 0.5. */
  public abstract double logOneMinus(double d);

  /** log(1 + q), 0 &lt;= q &lt;= 1. */
  public abstract double logOnePlus(double q);

  /** Log-sum-exp - max of a row with the sum S, whose largest class has the term E &lt; S / 2. */
  public abstract double farDistance(double total, double largest, double reference, double max);

  /** Log-sum-exp of a row, from its shift, the maximum below that and the distance from it. */
  public abstract double logSumExp(double shift, double max, double distance);

  /** a + b c, as losses have it. */
  public abstract double plusProduct(double a, double b, double c);

  /** Probabilities of exponentials, in place. */
  public final void probabilities(double[] e, int count, double total) {
    double factor = round(unscale / total);
    for (int i = 0; i < count; i++) {
      e[i] = round(e[i] * factor);
    }
  }
}
