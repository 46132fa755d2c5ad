// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.util.Arrays;

/**
 * The gradient of a row's scaled loss: {@code c (softmax(x) sum q' - q') = fma(e(x; N), f, b)}.
 *
 * <p>A factor below the normal floats is carried 2^96 times larger and the result scaled back;
 * there a class with a large {@code c q'} gets {@code -c q'} alone.
 */
final class Gradient {
  private static final double TINY_SCALE = 0x1p96;
  private static final float TINY_UNSCALE = 0x1p-96f;

  /**
   * Of c q' from here on the exponential's part is too small to count, and carried it would
   * overflow.
   */
  private static final double TOO_LARGE_TO_CARRY = 0x1p30;

  private boolean constant;
  private float constantValue;
  private float reference;
  private double scale;
  private boolean tiny;
  private double grow;
  private float shrink;
  private float factor;
  private float offset;
  private float atLabel;

  /**
   * Begins a row.
   *
   * @param row the row's statistics
   * @param kind label or probabilities
   * @param c the scale
   */
  void begin(Statistics row, int kind, double c, Smoothing smoothing) {
    constant = row.is(Kind.SPECIAL);
    if (constant) {
      constantValue = row.is(Kind.NAN_ROW) ? Float.NaN : 0f;
      return;
    }
    reference = row.reference;
    scale = c;
    double total = row.total();
    double all = Exponential.UNSCALE / total * c;
    if (kind == Kind.LABEL) {
      offset = setFactor(all, smoothing.share());
      atLabel = Canonical.of((float) (((0 - row.sum / total) + smoothing.labelLessOne()) * c));
    } else {
      setFactor(all * row.mass, 0);
    }
  }

  /** Sets what e is multiplied by, and gives what is added for a target of every class. */
  private float setFactor(double size, double target) {
    tiny = Math.abs(size) > 0 && Math.abs(size) < Float.MIN_NORMAL;
    grow = tiny ? TINY_SCALE : 1;
    shrink = tiny ? TINY_UNSCALE : 1;
    factor = (float) (size * grow);
    return offset(target);
  }

  private float offset(double target) {
    return target == 0 ? -0f : -(float) (scale * target * grow);
  }

  /** Whether the row's gradient does not depend on its logits: they need not be read. */
  boolean isConstant() {
    return constant;
  }

  /** The gradient of a constant row: NaN or +0. */
  void fill(float[] gradient, int count) {
    Arrays.fill(gradient, 0, count, constantValue);
  }

  /**
   * The gradient of a chunk with a label.
   *
   * @param label the label's place in the chunk; any other number when it is elsewhere
   */
  void ofLabel(float[] x, int count, long label, float[] gradient, float[] z) {
    Exponential.of(x, 0, count, reference, gradient, z);
    for (int i = 0; i < count; i++) {
      gradient[i] = Canonical.of(Math.fma(gradient[i], factor, offset) * shrink);
    }
    if (label >= 0 && label < count) {
      gradient[(int) label] = atLabel;
    }
  }

  /** The gradient of a chunk of a probability row q. */
  void ofProbabilities(
      float[] x, float[] q, int count, Smoothing smoothing, float[] gradient, float[] z) {
    Exponential.of(x, 0, count, reference, gradient, z);
    for (int i = 0; i < count; i++) {
      double target = smoothing.of(q[i]);
      double share = scale * target;
      gradient[i] =
          tiny && Math.abs(share) >= TOO_LARGE_TO_CARRY
              ? -(float) share
              : Canonical.of(Math.fma(gradient[i], factor, offset(target)) * shrink);
    }
  }
}
