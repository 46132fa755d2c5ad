// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import java.util.function.Function;

/** Derivatives by central differences. */
final class Slope {
  /**
   * The step. What the difference leaves out is its square times a third derivative, about 1e-18;
   * what it loses by cancellation is 2^-100 of the function over the step, about 1e-21.
   */
  private static final double STEP = 0x1p-30;

  private Slope() {}

  /** The derivative of f by x[k]. */
  static double of(Function<DoubleDouble[], DoubleDouble> f, float[] x, int k) {
    DoubleDouble above = f.apply(moved(x, k, STEP));
    DoubleDouble below = f.apply(moved(x, k, -STEP));
    return above.minus(below).high() / (2 * STEP);
  }

  /** The derivative of f by at[k], which is the same afterwards. */
  static double of(Function<DoubleDouble[], DoubleDouble> f, DoubleDouble[] at, int k) {
    DoubleDouble before = at[k];
    at[k] = before.plus(STEP);
    DoubleDouble above = f.apply(at);
    at[k] = before.plus(-STEP);
    DoubleDouble below = f.apply(at);
    at[k] = before;
    return above.minus(below).high() / (2 * STEP);
  }

  private static DoubleDouble[] moved(float[] x, int k, double step) {
    DoubleDouble[] moved = new DoubleDouble[x.length];
    for (int i = 0; i < x.length; i++) {
      moved[i] = DoubleDouble.of(x[i]);
    }
    moved[k] = moved[k].plus(step);
    return moved;
  }
}
