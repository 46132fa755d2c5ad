// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** A sum and what its additions have lost: (high, low). */
final class Pair {
  double high;
  double low;

  void clear() {
    set(0, 0);
  }

  void set(double toHigh, double toLow) {
    high = toHigh;
    low = toLow;
  }

  void set(Pair other) {
    set(other.high, other.low);
  }

  /** The sum of the two highs, and what it lost. */
  void add(double otherHigh, double otherLow) {
    double sum = high + otherHigh;
    double back = sum - high;
    low = (low + otherLow) + ((high - (sum - back)) + (otherHigh - back));
    high = sum;
  }

  void add(Pair other) {
    add(other.high, other.low);
  }

  void add(double v) {
    add(v, 0);
  }

  /** Adds a product and what its rounding lost. */
  void addProduct(double a, double b) {
    double product = a * b;
    add(product, Math.fma(a, b, -product));
  }

  /** Multiplies both, exactly where the factor is a power of two. */
  void scale(double factor) {
    high *= factor;
    low *= factor;
  }

  double value() {
    return Double.isFinite(high) ? high + low : high;
  }
}
