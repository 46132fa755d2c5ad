// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** In float32 arithmetic; as {@link Gradient} of plain calls. */
final class SingleGradientTerm extends GradientTerm {
  private static final double TINY_SCALE = 0x1p96;

  /** Of scale t from here on e's part is too small to count, and carried it would overflow. */
  private static final double TOO_LARGE_TO_CARRY = 0x1p30;

  private double scale;
  private boolean tiny;
  private double grow;
  private float shrink;
  private float factor;

  @Override
  void begin(double total, double ofScale, double pull) {
    scale = ofScale;
    double size = Exponential.UNSCALE / total * scale * pull;
    tiny = Math.abs(size) > 0 && Math.abs(size) < Float.MIN_NORMAL;
    grow = tiny ? TINY_SCALE : 1;
    shrink = (float) (1 / grow);
    factor = (float) (size * grow);
  }

  @Override
  double of(double e, double target) {
    double scaled = scale * target;
    if (tiny && Math.abs(scaled) >= TOO_LARGE_TO_CARRY) {
      return -(float) scaled;
    }
    float offset = target == 0 ? -0f : -(float) (scaled * grow);
    return Math.fma((float) e, factor, offset) * shrink;
  }
}
