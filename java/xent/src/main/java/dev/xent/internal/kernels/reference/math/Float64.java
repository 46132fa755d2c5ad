// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;
import static dev.xent.internal.kernels.reference.math.Constants.LIMIT;
import static dev.xent.internal.kernels.reference.math.Constants.WIDE_EXP_TERMS;
import static dev.xent.internal.kernels.reference.math.Constants.WIDE_FLOOR;
import static dev.xent.internal.kernels.reference.math.Constants.WIDE_LN2_HI;
import static dev.xent.internal.kernels.reference.math.Constants.WIDE_LN2_LO;
import static dev.xent.internal.kernels.reference.math.Constants.WIDE_LOG2E;
import static dev.xent.internal.kernels.reference.math.Constants.WIDE_LOG_TERMS;
import static dev.xent.internal.kernels.reference.math.Constants.WIDE_ROUND;

/** Float64 arithmetic. */
public final class Float64 extends Arithmetic {
  /** The scale of e is 2^SCALE. */
  private static final int SCALE = 192;

  /** References are multiples of this, so that nearly all rows have the reference 0. */
  private static final double REFERENCE_STEP = 256;

  /**
   * The number of terms that are summed at once, so that the constants C1 and C2 exceed their sum.
   */
  private static final int PIECE = 1024;

  /** From this value on, terms are added directly. */
  private static final double TOO_LARGE = 0x1p960;

  /** From this value on, tanh rounds to 1. */
  private static final double ONE_FROM = 20;

  /** Below this value, exp(y) - 1 rounds to -1. */
  private static final double MINUS_ONE_FROM = -40;

  /** The bits of sqrt(1/2), the boundary between two powers of two. */
  private static final long SQRT_HALF = 0x3FE6A09E667F3BCDL;

  /** The rounding error of 1 / temperature. */
  private double inverseLow;

  private final Pair piece = new Pair(true);
  private final double[] e = new double[CHUNK];

  /** Float64 arithmetic of one thread. */
  public Float64() {
    super(true, 1, reference(-LIMIT, REFERENCE_STEP));
  }

  @Override
  public void begin(double ofCall) {
    super.begin(ofCall);
    inverseLow = Fma.fma(-inverseHigh, temperature, 1) / temperature;
  }

  // ---- sums ------------------------------------------------------------------------------------

  /** The sum is exact, so the order of the terms does not matter. */
  @Override
  public double sumExponentials(double[] x, int count, int without, double max, Pair sum) {
    double reference = reference(max);
    sum.clear();
    if (max * inverseHigh > LIMIT) {
      return reference; // the row becomes NaN, or is summed again with a shift
    }
    double most = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      most = x[i] > most && i != without ? x[i] : most;
    }
    exponentials(x, 0, count, reference, e);
    if (without >= 0) {
      e[without] = 0;
    }
    double exponent = reference(most * inverseHigh, 1) - reference + SCALE + 1;
    sumBelow((int) exponent, e, 0, count, sum);
    return reference;
  }

  @Override
  public void sum(double[] terms, int count, Pair sum) {
    sum.clear();
    for (int from = 0; from < count; from += PIECE) {
      sumPiece(terms, from, Math.min(count, from + PIECE));
      sum.add(piece);
    }
  }

  private void sumPiece(double[] terms, int from, int end) {
    double largest = 0;
    double plain = 0;
    for (int i = from; i < end; i++) {
      largest = Math.max(largest, Math.abs(terms[i])); // keeps a NaN
      plain += terms[i];
    }
    if (largest < TOO_LARGE) {
      int biased = (int) (Double.doubleToRawLongBits(largest) >>> 52);
      sumBelow(biased - 1022, terms, from, end, piece);
    } else {
      piece.set(plain, 0);
    }
  }

  /** The exact sum of at most 8192 terms that are smaller than 2^exponent, in two parts. */
  private static void sumBelow(int exponent, double[] terms, int from, int end, Pair sum) {
    double upper = 1.5 * Math.scalb(1.0, exponent + 12);
    double lower = 1.5 * Math.scalb(1.0, exponent - 29);
    double high = 0;
    double low = 0;
    for (int i = from; i < end; i++) {
      double h = (terms[i] + upper) - upper;
      high += h;
      low += ((terms[i] - h) + lower) - lower;
    }
    sum.set(high, low);
  }

  /** Scales by two factors, because one factor could be 0 even if the product is not. */
  @Override
  public void scale(Pair sum, double k) {
    double half = powerOfTwo(Math.max(k, -1792) / 2);
    sum.scale(half);
    sum.scale(half);
  }

  // ---- the exponential -------------------------------------------------------------------------

  @Override
  public double reference(double max) {
    return reference(max * inverseHigh, REFERENCE_STEP);
  }

  /** The multiple of step nearest to the base-2 logarithm that a scaled maximum corresponds to. */
  private static double reference(double scaledMax, double step) {
    double m = scaledMax > LIMIT ? LIMIT : scaledMax < -LIMIT ? -LIMIT : scaledMax;
    return step * (Fma.fma(m, WIDE_LOG2E / step, WIDE_ROUND) - WIDE_ROUND);
  }

  @Override
  public double exponential(double x, double reference) {
    double magic = WIDE_ROUND + SCALE - reference;
    double v = Math.max(x, lowest(reference) * temperature);
    double product = v * inverseHigh;
    double lost = Fma.fma(v, inverseLow, Fma.fma(v, inverseHigh, -product));
    double z = Fma.fma(product, WIDE_LOG2E, magic);
    return power(rest(product, lost, z - magic), z);
  }

  @Override
  public void exponentials(double[] x, int from, int count, double reference, double[] e) {
    for (int i = 0; i < count; i++) {
      e[i] = exponential(x[from + i], reference);
    }
  }

  @Override
  public void plainExponentials(double[] x, int count, double[] y) {
    for (int i = 0; i < count; i++) {
      y[i] = plainExponential(x[i]);
    }
  }

  /** exp(x), without the temperature. */
  public static double plainExponential(double x) {
    double v = Math.max(x, lowest(0));
    double z = Fma.fma(v, WIDE_LOG2E, WIDE_ROUND + SCALE);
    return power(rest(v, z - (WIDE_ROUND + SCALE)), z) * 0x1p-192;
  }

  private static double lowest(double reference) {
    return Fma.fma(reference, WIDE_LN2_HI, WIDE_FLOOR);
  }

  /** exp(t) s = s + p s, where s = 2^n and n is in the low bits of z. */
  private static double power(double t, double z) {
    double s = scaleOf(z);
    return Fma.fma(Fma.fma(series(t) * t, t, t), s, s);
  }

  /** X(t) in exp(t) = 1 + t + t^2 X(t). */
  public static double series(double t) {
    double p = WIDE_EXP_TERMS[9];
    for (int i = 8; i >= 0; i--) {
      p = Fma.fma(p, t, WIDE_EXP_TERMS[i]);
    }
    return p;
  }

  /**
   * The remainder after n ln 2 of a product with 1 / temperature, whose rounding error is {@code
   * lost}.
   */
  private double rest(double product, double lost, double n) {
    return tempered
        ? Fma.fma(n, -WIDE_LN2_HI, product) + Fma.fma(n, -WIDE_LN2_LO, lost)
        : rest(product, n);
  }

  /** The remainder of x after n ln 2. */
  private static double rest(double x, double n) {
    return Fma.fma(n, -WIDE_LN2_LO, Fma.fma(n, -WIDE_LN2_HI, x));
  }

  /** 2^n, where n is in the low bits of z. */
  private static double scaleOf(double z) {
    return Double.longBitsToDouble(Double.doubleToRawLongBits(z) << 52);
  }

  /** exp(y) - 1. */
  public static double exponentialLessOne(double y) {
    double v = Math.max(y, MINUS_ONE_FROM);
    double z = Fma.fma(v, WIDE_LOG2E, WIDE_ROUND);
    double t = rest(v, z - WIDE_ROUND);
    double p = Fma.fma(series(t) * t, t, t);
    double s = scaleOf(z);
    return Fma.fma(p, s, s - 1);
  }

  @Override
  public double tanh(double x) {
    double w = Math.min(Math.abs(x), ONE_FROM);
    double m = exponentialLessOne(w + w);
    return Math.copySign(m / (m + 2), x);
  }

  // ---- logarithms ------------------------------------------------------------------------------

  @Override
  public double log(double v) {
    long bits = Double.doubleToRawLongBits(v);
    long k = (bits - SQRT_HALF) >> 52;
    return part(k, Double.longBitsToDouble(bits - (k << 52)) - 1);
  }

  @Override
  public double logOneMinus(double d) {
    return d <= 0.25 ? part(0, -d) : part(-1, 1 - 2 * d);
  }

  @Override
  public double logOnePlus(double q) {
    return q <= 0.5 ? part(0, q) : part(1, (q - 1) * 0.5);
  }

  /** k ln 2 + log(1 + f). */
  private static double part(double k, double f) {
    double r = f / (2 + f);
    double z = r * r;
    double p = WIDE_LOG_TERMS[7];
    for (int i = 6; i >= 0; i--) {
      p = Fma.fma(p, z, WIDE_LOG_TERMS[i]);
    }
    double g = (0.5 * f) * f;
    double a = k * WIDE_LN2_HI;
    double b = Fma.fma(k, WIDE_LN2_LO, Fma.fma(k, WIDE_LN2_HI, -a));
    return a + (f - (g - Fma.fma(r, g + p * z, b)));
  }

  /** A difference of logarithms would lose digits to the maximum. */
  @Override
  public double farDistance(double total, double largest, double reference, double max) {
    return log(total / largest);
  }

  @Override
  public double logSumExp(double shift, double max, double distance) {
    double lost = Fma.fma(shift, inverseLow, Fma.fma(max, inverseLow, distance));
    return Fma.fma(shift, inverseHigh, Fma.fma(max, inverseHigh, lost));
  }

  @Override
  public double plusProduct(double a, double b, double c) {
    return Fma.fma(b, c, a);
  }
}
