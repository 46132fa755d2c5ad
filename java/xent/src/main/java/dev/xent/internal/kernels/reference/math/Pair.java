// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

/** A sum; in float64 arithmetic also the rounding errors of its additions. */
public final class Pair {
  /** The sum. */
  public double high;

  /** The sum of the rounding errors; 0 in float32 arithmetic. */
  public double low;

  private final boolean compensated;

  /** Creates a sum of +0. */
  public Pair(boolean compensated) {
    this.compensated = compensated;
  }

  /** Resets the sum to +0. */
  public void clear() {
    set(0, 0);
  }

  /** Sets both parts. */
  public void set(double toHigh, double toLow) {
    high = toHigh;
    low = toLow;
  }

  /** Adds another high part, and the rounding error of that addition to the low part. */
  public void add(double otherHigh, double otherLow) {
    double sum = high + otherHigh;
    if (compensated) {
      double back = sum - high;
      low = (low + otherLow) + ((high - (sum - back)) + (otherHigh - back));
    }
    high = sum;
  }

  /** Adds another pair. */
  public void add(Pair other) {
    add(other.high, other.low);
  }

  /** Adds a number. */
  public void add(double v) {
    add(v, 0);
  }

  /** Adds a rounded product, and its rounding error. */
  public void addProduct(double a, double b) {
    double product = a * b;
    add(product, compensated ? Fma.fma(a, b, -product) : 0);
  }

  /** Multiplies both parts; exact if the factor is a power of two. */
  public void scale(double factor) {
    high *= factor;
    low *= factor;
  }

  /** The sum as one number. */
  public double value() {
    return Double.isFinite(high) ? high + low : high;
  }
}
