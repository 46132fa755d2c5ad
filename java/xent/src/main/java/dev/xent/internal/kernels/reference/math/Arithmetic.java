// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

/**
 * The operations that depend on the type that a call computes in; all other code of a row is shared
 * by both types.
 *
 * <p>Numbers of the type are represented as doubles, which represent a float exactly. A sum,
 * difference or product of two floats that is computed in double and rounded to float equals the
 * result in float. An instance contains the temperature of the call, which is a factor of the
 * exponent, and scratch memory, so it belongs to one thread.
 */
public abstract class Arithmetic {
  /** Whether this is float64 arithmetic. */
  public final boolean wide;

  /** Whether the call has a temperature other than 1. */
  public boolean tempered;

  /** 1 / temperature in double; 1 without a temperature. */
  public double inverse = 1;

  /** The same, rounded to the type. */
  public double inverseHigh = 1;

  /** The temperature of the call; 1 without a temperature. */
  public double temperature = 1;

  /** The factor that reverts the scale of e in sums. */
  public final double unscale;

  /** The reference N of -infinity. */
  public final double lowestReference;

  Arithmetic(boolean wide, double unscale, double lowestReference) {
    this.wide = wide;
    this.unscale = unscale;
    this.lowestReference = lowestReference;
  }

  /** Sets the temperature of a call; 0 means no temperature. */
  public void begin(double ofCall) {
    tempered = ofCall != 0 && ofCall != 1;
    temperature = tempered ? ofCall : 1;
    inverse = 1 / temperature;
    inverseHigh = round(inverse);
  }

  /** Rounds a value to the type. */
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

  /** A new sum in this arithmetic, +0. */
  public final Pair pair() {
    return new Pair(wide);
  }

  /**
   * Sums the exponentials of a chunk; the result depends only on its values.
   *
   * @param without the class that adds +0 to the sum but counts for the maximum; -1 for none
   * @param max the largest number of the chunk, ignoring NaN
   * @param sum of exp(x / temperature) 2^-N, times the scale of e
   * @return N
   */
  public abstract double sumExponentials(double[] x, int count, int without, double max, Pair sum);

  /** The sum of a chunk's terms. */
  public abstract void sum(double[] terms, int count, Pair sum);

  /** Multiplies a sum by 2^k, k &lt;= 0. */
  public abstract void scale(Pair sum, double k);

  /** 2^k, if that is a normal number. */
  static double powerOfTwo(double k) {
    return Double.longBitsToDouble((long) (k + 1023) << 52);
  }

  // ---- functions -------------------------------------------------------------------------------

  /** e(x; N), including the temperature. */
  public abstract double exponential(double x, double reference);

  /** e(x; N) of count numbers from an index on, stored from the beginning of e. */
  public abstract void exponentials(double[] x, int from, int count, double reference, double[] e);

  /** exp of count numbers, without the temperature. */
  public abstract void plainExponentials(double[] x, int count, double[] y);

  /** N for a chunk with a maximum. */
  public abstract double reference(double max);

  /** The hyperbolic tangent. */
  public abstract double tanh(double x);

  /** log(v), v &gt; 0. */
  public abstract double log(double v);

  /** log(1 - d), 0 &lt; d &lt;= 0.5. */
  public abstract double logOneMinus(double d);

  /** log(1 + q), 0 &lt;= q &lt;= 1. */
  public abstract double logOnePlus(double q);

  /** Log-sum-exp - max of a row with the sum S whose largest class has the term E &lt; S / 2. */
  public abstract double farDistance(double total, double largest, double reference, double max);

  /**
   * Log-sum-exp of a row, from its shift, its maximum after the shift, and the distance from it.
   */
  public abstract double logSumExp(double shift, double max, double distance);

  /** a + b c, rounded as in losses. */
  public abstract double plusProduct(double a, double b, double c);

  /** Converts exponentials to probabilities, in place. */
  public final void probabilities(double[] e, int count, double total) {
    double factor = round(unscale / total);
    for (int i = 0; i < count; i++) {
      e[i] = round(e[i] * factor);
    }
  }
}
