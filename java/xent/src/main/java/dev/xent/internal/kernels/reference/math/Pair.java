// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

/** A sum, in float64 arithmetic with what its additions have lost. */
public final class Pair {
  /** The sum. */
  public double high;

  /** What was lost; 0 in float32 arithmetic. */
  public double low;

  private final boolean compensated;

  /** +0. */
  public Pair(boolean compensated) {
    this.compensated = compensated;
  }

  /** Back to +0. */
  public void clear() {
    set(0, 0);
  }

  /** Sets both. */
  public void set(double toHigh, double toLow) {
    high = toHigh;
    low = toLow;
  }

  /** Adds the sum of the two highs, and what that lost. */
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

  /** Adds a rounded product, and what its rounding lost. */
  public void addProduct(double a, double b) {
    double product = a * b;
    add(product, compensated ? Fma.fma(a, b, -product) : 0);
  }

  /** Multiplies both, exactly where the factor is a power of two. */
  public void scale(double factor) {
    high *= factor;
    low *= factor;
  }

  /** The sum as one number. */
  public double value() {
    return Double.isFinite(high) ? high + low : high;
  }
}
