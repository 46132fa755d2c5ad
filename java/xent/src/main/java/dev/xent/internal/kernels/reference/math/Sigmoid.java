// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

/** The sigmoid of one element x / temperature or its logarithm, and the gradient of x. */
public final class Sigmoid {
  private final SigmoidParts parts = new SigmoidParts();
  private Arithmetic arithmetic = new Float32();
  private boolean log;

  /** Sets the arithmetic of a call, which has its temperature, and whether it has logarithms. */
  public void begin(Arithmetic ofCall, boolean ofLogarithms) {
    arithmetic = ofCall;
    log = ofLogarithms;
  }

  /** Returns the result for a logit. */
  public double forward(double x) {
    double e = arithmetic.exponential(-Math.abs(x), 0);
    if (arithmetic.wide) {
      double u = e * 0x1p-192;
      if (log) {
        return (x < 0 ? x * arithmetic.inverseHigh : 0) - arithmetic.logOnePlus(u);
      }
      double s = 1 / (1 + u);
      return x < 0 ? u * s : s;
    }
    parts.take((float) e);
    if (log) {
      float least = x < 0 ? (float) x * (float) arithmetic.inverseHigh : 0;
      return Fma.fma(-parts.l, 0x1p-30f, least);
    }
    return x < 0 ? parts.v * 0x1p-30f : parts.s;
  }

  /** Returns the gradient of a logit for that of its result. */
  public double backward(double x, double upstream) {
    double e = arithmetic.exponential(-Math.abs(x), 0);
    if (arithmetic.wide) {
      double u = e * 0x1p-192;
      double s = 1 / (1 + u);
      double v = u * s;
      double slope = !log ? v * s : x < 0 ? s : v;
      return upstream * slope * arithmetic.inverseHigh;
    }
    parts.take((float) e);
    float slope = !log ? parts.v * parts.s * 0x1p-30f : x < 0 ? parts.s : parts.v * 0x1p-30f;
    return (float) upstream * slope * (float) arithmetic.inverseHigh;
  }
}
