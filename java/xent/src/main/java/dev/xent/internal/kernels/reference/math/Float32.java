// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static dev.xent.internal.kernels.reference.math.Constants.EXACT_MAX;
import static dev.xent.internal.kernels.reference.math.Constants.GROUP;
import static dev.xent.internal.kernels.reference.math.Constants.LN2;
import static dev.xent.internal.kernels.reference.math.Constants.LN2_HI;
import static dev.xent.internal.kernels.reference.math.Constants.LOWEST_REFERENCE;
import static dev.xent.internal.kernels.reference.math.Constants.TANH;
import static dev.xent.internal.kernels.reference.math.Constants.TANH_SPLIT;

/** Float32 arithmetic, with sums of groups, logarithms and losses in double. */
public final class Float32 extends Arithmetic {
  /** From this value on, tanh rounds to 1. */
  private static final float ONE_FROM = 10;

  /** The reference for which e(x) is exp(x). */
  private static final float OWN_SCALE = 30;

  private static final double UNSCALE = 0x1p-30;

  /** Smaller exponents of scale factors are replaced by this one. */
  private static final double LEAST = -1000;

  private final Exponential exponential = new Exponential();
  private final Exponential plain = new Exponential();
  private final Lanes lanes = new Lanes();
  private final double[] terms = new double[GROUP];

  /** Float32 arithmetic of one thread. */
  public Float32() {
    super(false, UNSCALE, LOWEST_REFERENCE);
  }

  @Override
  public void begin(double ofCall) {
    super.begin(ofCall);
    exponential.begin(this);
  }

  // ---- sums ------------------------------------------------------------------------------------

  @Override
  public double sumExponentials(double[] x, int count, int without, double max, Pair sum) {
    boolean isLong = count > EXACT_MAX;
    double reference = isLong ? LOWEST_REFERENCE : reference(max);
    lanes.clear();
    for (int from = 0; from < count; from += GROUP) {
      int size = Math.min(GROUP, count - from);
      if (isLong) {
        reference = raised(reference, largest(x, from, size));
      }
      exponentials(x, from, size, reference, terms);
      if (without >= from && without < from + size) {
        terms[without - from] = 0;
      }
      lanes.addGroup(terms, 0, size);
    }
    sum.set(lanes.total(count), 0);
    return reference;
  }

  /**
   * Raises the reference to that of a group whose maximum is far above it, before the group is
   * added.
   */
  private double raised(double reference, double groupMax) {
    double raised = reference(groupMax);
    boolean isFarAbove = (float) groupMax * (float) inverseHigh > ((float) reference + 16) * LN2_HI;
    if (!isFarAbove || raised <= reference) {
      return reference;
    }
    lanes.scale(powerOfTwo(Math.max(reference - raised, LEAST)));
    return raised;
  }

  private static double largest(double[] x, int from, int count) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int i = from; i < from + count; i++) {
      largest = x[i] > largest ? x[i] : largest;
    }
    return largest;
  }

  @Override
  public void sum(double[] values, int count, Pair sum) {
    lanes.clear();
    for (int from = 0; from < count; from += GROUP) {
      lanes.addGroup(values, from, Math.min(GROUP, count - from));
    }
    sum.set(lanes.total(count), 0);
  }

  @Override
  public void scale(Pair sum, double k) {
    sum.scale(powerOfTwo(Math.max(k, LEAST)));
  }

  // ---- functions -------------------------------------------------------------------------------

  @Override
  public double exponential(double x, double reference) {
    return exponential.of((float) x, (float) reference);
  }

  @Override
  public void exponentials(double[] x, int from, int count, double reference, double[] e) {
    exponential.of(x, from, count, (float) reference, e);
  }

  @Override
  public void plainExponentials(double[] x, int count, double[] y) {
    plain.of(x, 0, count, 0, y);
    for (int i = 0; i < count; i++) {
      y[i] = (float) y[i] * (float) UNSCALE;
    }
  }

  @Override
  public double reference(double max) {
    return Exponential.reference((float) max * (float) inverseHigh);
  }

  @Override
  public double tanh(double x) {
    float v = Math.min(Math.abs((float) x), ONE_FROM);
    return Math.copySign(v > TANH_SPLIT ? fromExponential(v) : polynomial(v), (float) x);
  }

  private float fromExponential(float v) {
    return 1 - 2 / (plain.of(2 * v, OWN_SCALE) + 1);
  }

  private static float polynomial(float v) {
    float z = v * v;
    float p = TANH[TANH.length - 1];
    for (int i = TANH.length - 2; i >= 0; i--) {
      p = Fma.fma(p, z, TANH[i]);
    }
    return Fma.fma(v * z, p, v);
  }

  @Override
  public double log(double v) {
    return Logarithm.of(v);
  }

  @Override
  public double logOneMinus(double d) {
    return Logarithm.of(1 - d);
  }

  @Override
  public double logOnePlus(double q) {
    return Logarithm.onePlus(q);
  }

  @Override
  public double farDistance(double total, double largest, double reference, double max) {
    return Fma.fma(reference, LN2, Logarithm.of(total)) - max * inverse;
  }

  @Override
  public double logSumExp(double shift, double max, double distance) {
    return shift * inverse + (max * inverse + distance);
  }

  @Override
  public double plusProduct(double a, double b, double c) {
    return a + b * c;
  }
}
