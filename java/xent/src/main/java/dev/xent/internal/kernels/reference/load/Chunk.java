// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.load;

import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.math.Arithmetic;

/**
 * The logits of a chunk in the form that a row's formulas use: widened, capped (c tanh(x / c)), and
 * with the row's shift subtracted. A masked class has -infinity.
 */
public final class Chunk {
  public final double[] x = new double[CHUNK];

  public int count;

  /** The number of unmasked classes. */
  public int counted;

  private final Arithmetic arithmetic;
  private final boolean[] takesPart = new boolean[CHUNK];
  private final double[] slope = new double[CHUNK];
  private double softcap;
  private double inverseOfSoftcap;

  public Chunk(Arithmetic arithmetic) {
    this.arithmetic = arithmetic;
  }

  /** Reads the options of a call. */
  public void begin(Request call) {
    begin(call.options.softcap);
  }

  /** Sets the softcap; 0 means none. */
  public void begin(double ofSoftcap) {
    softcap = arithmetic.round(ofSoftcap);
    inverseOfSoftcap = arithmetic.round(1 / ofSoftcap);
  }

  public void load(Row row, long begin, int size, double shift) {
    count = size;
    row.loadLogits(begin, count, x);
    if (softcap != 0) {
      cap();
    }
    if (shift != 0) {
      for (int i = 0; i < count; i++) {
        x[i] = arithmetic.round(x[i] - shift);
      }
    }
    counted = row.hasMask() ? mask(row, begin) : count;
  }

  private void cap() {
    for (int i = 0; i < count; i++) {
      double t = arithmetic.tanh(arithmetic.round(x[i] * inverseOfSoftcap));
      x[i] = arithmetic.round(softcap * t);
      slope[i] = arithmetic.fma(-t, t, 1);
    }
  }

  private int mask(Row row, long begin) {
    int left = 0;
    for (int i = 0; i < count; i++) {
      takesPart[i] = row.takesPart(begin + i);
      x[i] = takesPart[i] ? x[i] : Double.NEGATIVE_INFINITY;
      left += takesPart[i] ? 1 : 0;
    }
    return left;
  }

  public boolean takesPart(int i) {
    return counted == count || takesPart[i];
  }

  /** The largest value, ignoring NaN; -infinity if all are NaN. Never -0. */
  public double max() {
    double max = largest();
    if (max != max) {
      max = Double.NEGATIVE_INFINITY;
      for (int i = 0; i < count; i++) {
        max = x[i] > max ? x[i] : max;
      }
    }
    return max + 0.0;
  }

  /**
   * The largest value, or NaN if any value is NaN. A rarely taken branch is faster than Math.max.
   */
  public double largest() {
    double largest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      if (!(x[i] <= largest)) {
        if (x[i] != x[i]) {
          return Double.NaN;
        }
        largest = x[i];
      }
    }
    return largest;
  }

  /** The first class with this value, which must exist. */
  public int first(double value) {
    int i = 0;
    while (x[i] != value) {
      i++;
    }
    return i;
  }

  /** Whether a class is the first with this value. */
  public boolean isFirst(int i, double value) {
    int k = 0;
    while (k < i && !(x[k] == value && takesPart(k))) {
      k++;
    }
    return k == i && x[i] == value;
  }

  /** Sets masked classes to {@code nothing}. */
  public void fillMasked(double[] y, double nothing) {
    for (int i = 0; i < count && counted < count; i++) {
      y[i] = takesPart[i] ? y[i] : nothing;
    }
  }

  /** Multiplies by the derivative of the softcap. */
  public void multiplyBySlope(double[] gradient) {
    for (int i = 0; i < count && softcap != 0; i++) {
      gradient[i] = arithmetic.round(gradient[i] * slope[i]);
    }
  }
}
