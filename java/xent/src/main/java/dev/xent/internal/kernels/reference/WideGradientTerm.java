// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** In float64 arithmetic. */
final class WideGradientTerm extends GradientTerm {
  private static final double TINY_SCALE = 0x1p900;

  /** Of scale t from here on e's part is too small to count, and carried it would overflow. */
  private static final double TOO_LARGE_TO_CARRY = 0x1p100;

  private double scale;
  private boolean tiny;
  private double factor;

  @Override
  void begin(double total, double ofScale, double pull) {
    scale = ofScale;
    double weight = scale * pull;
    double each = Exponential.UNSCALE / total;
    tiny = weight != 0 && Math.abs(each * weight) < Double.MIN_NORMAL;
    factor = tiny ? each * TINY_SCALE * weight : each * weight;
  }

  @Override
  double of(double e, double target) {
    double offset = target == 0 ? -0.0 : -(scale * target);
    if (!tiny) {
      return Math.fma(e, factor, offset);
    }
    return Math.abs(offset) >= TOO_LARGE_TO_CARRY
        ? offset
        : Math.fma(e, factor, offset * TINY_SCALE) / TINY_SCALE;
  }
}
