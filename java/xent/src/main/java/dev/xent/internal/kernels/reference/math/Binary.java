// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

/** Binary cross-entropy of one element, and its focal form. */
public final class Binary {
  public double loss;
  public double gradient;

  private final Exponential exponential = new Exponential();
  private final SigmoidParts parts = new SigmoidParts();
  private final Float64 doubles = new Float64();
  private boolean wide;
  private double alpha;
  private double beta;
  private double gamma;
  private double scale;

  /**
   * Sets the parameters of a call: arithmetic, alpha (0: none), gamma (0: not focal) and gradient
   * scale.
   */
  public void begin(boolean isWide, double ofAlpha, double ofGamma, double ofScale) {
    wide = isWide;
    alpha = ofAlpha == 0 ? 1 : ofAlpha;
    beta = ofAlpha == 0 ? 1 : 1 - ofAlpha;
    gamma = ofGamma;
    scale = ofScale;
  }

  /**
   * Computes the loss and the gradient of an element.
   *
   * @param x logit
   * @param t target
   * @param w weight; an element of weight 0 is ignored
   * @param positive weight of the positive part
   */
  public void take(double x, double t, double w, double positive) {
    if (w == 0) {
      loss = 0;
      gradient = 0;
    } else if (wide) {
      inDoubles(x, t, w, positive);
    } else if (gamma > 0) {
      inDoubles(x, t, w, positive);
      loss = (float) loss;
      gradient = (float) gradient;
    } else {
      inFloats((float) x, (float) t, (float) w, (float) positive);
    }
  }

  private void inFloats(float x, float t, float w, float positive) {
    float rest = 1 - t;
    float each = w * Fma.fma((float) alpha, t, (float) beta * rest);
    float ofPositive = each * positive * t;
    float ofNegative = each * rest;
    parts.take(exponential.of(-Math.abs(x), 0));
    float large = x < 0 ? ofPositive : ofNegative;
    float small = x < 0 ? ofNegative : ofPositive;
    float slope = Fma.fma(-(small * parts.v), 0x1p-30f, large * parts.s);
    loss =
        Fma.fma(
            (ofPositive + ofNegative) * parts.l, 0x1p-30f, large == 0 ? 0 : large * Math.abs(x));
    gradient = (x < 0 ? -slope : slope) * (float) scale;
  }

  private void inDoubles(double x, double t, double w, double positive) {
    double rest = 1 - t;
    double each = w * Fma.fma(alpha, t, beta * rest);
    double ofPositive = each * positive * t;
    double ofNegative = each * rest;
    double u = Float64.plainExponential(-Math.abs(x));
    double s = 1 / (1 + u);
    double v = u * s;
    double large = x < 0 ? ofPositive : ofNegative;
    double small = x < 0 ? ofNegative : ofPositive;
    double slope = Fma.fma(-small, v, large * s);
    loss =
        Fma.fma(
            ofPositive + ofNegative, doubles.logOnePlus(u), large == 0 ? 0 : large * Math.abs(x));
    gradient = x < 0 ? -slope : slope;
    if (gamma > 0) {
      focus(x < 0 ? t : rest, x < 0 ? rest : t, rest - t, s, v);
    }
    gradient *= scale;
  }

  /** Applies the focal factor: the probability m of the wrong class, to the power of gamma. */
  private void focus(double large, double small, double sign, double s, double v) {
    double m = Fma.fma(large, s, small * v);
    if (m < Double.MIN_NORMAL) {
      loss = 0;
      gradient = 0;
      return;
    }
    double power = Float64.plainExponential(Math.min(gamma * doubles.log(m), 0));
    double h = s * v / m;
    double j = gamma * sign * h;
    gradient = power * Fma.fma(j, j == 0 ? 0 : loss, gradient);
    loss = power * loss;
  }
}
