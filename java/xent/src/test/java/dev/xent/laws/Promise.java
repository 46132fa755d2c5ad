// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.DType;

/**
 * The promises of conformance/bounds.md for results before they are rounded to their type. Two
 * results of the same mathematics are within the sum of their promises.
 */
final class Promise {
  private final DType result;
  private final boolean wide;

  Promise(Sample sample) {
    this.result = sample.result();
    this.wide = sample.isWide();
  }

  private DType arithmetic() {
    return wide ? DType.F64 : DType.F32;
  }

  /**
   * Half an ulp of the type if it is narrower than the arithmetic; half its spacing if subnormal.
   */
  double rounding(double value) {
    return result == arithmetic() ? 0 : Numbers.ulp(result, value) / 2;
  }

  /** 6 ulp, which is at most 12 units of 2^-53; or 5.5e-7 relative. Faint ones: 2^-134. */
  double softmax(double p) {
    return wide ? 6 * Numbers.ulp(DType.F64, p) : 5.5e-7 * Math.abs(p) + 0x1p-134;
  }

  /** 4 ulp of the largest of 1, |y| and |x - M|. */
  double logSoftmax(double y, double below) {
    double size = Math.max(1, Math.max(Math.abs(y), below));
    return 4 * Numbers.ulp(arithmetic(), size);
  }

  /** 3.1e-7 absolute + 1.5 ulp. */
  double logSumExp(double value) {
    return wide
        ? 1e-15 + Numbers.ulp(DType.F64, value)
        : 3.1e-7 + 1.5 * Numbers.ulp(DType.F32, value);
  }

  /** Of a label without smoothing; faint ones: 2^-134 for each class. */
  double lossOfLabel(double loss, int classes) {
    return wide ? 1e-15 * Math.abs(loss) : 5e-7 * (Math.abs(loss) + classes * 0x1p-134);
  }

  /** Of a target of any kind: relative to the sum of |t| (lse - x + 1), the terms that make it. */
  double lossOfTargets(double terms) {
    return (wide ? 2e-15 : 5.5e-7) * terms;
  }

  /** Of the gradient of any kind: relative to c (p sum |t| + |t|). */
  double gradient(double terms) {
    return (wide ? 2e-15 : 9e-7) * terms + (wide ? 0 : 0x1p-134);
  }
}
