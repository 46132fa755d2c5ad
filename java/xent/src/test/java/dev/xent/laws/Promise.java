// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.DType;

/**
 * What docs/numerics.md promises of results before they are rounded to their type: sections 6 and
 * 8. Two results of the same mathematics are within the sum of their promises.
 */
final class Promise {
  private static final int SHORT = 128;
  private static final int CHUNK = 8192;

  private final DType result;
  private final boolean wide;

  /** Whether the lanes of the last chunk are added in float. */
  private final boolean shortEnd;

  Promise(Sample sample) {
    this(sample, sample.classes());
  }

  Promise(Sample sample, int classes) {
    this.result = sample.result();
    this.wide = sample.isWide();
    this.shortEnd = (classes - 1) % CHUNK < SHORT;
  }

  /** One of two numbers: that of long ends, that of short ones. */
  private double of(double longEnd, double shortOne) {
    return shortEnd ? shortOne : longEnd;
  }

  private DType arithmetic() {
    return wide ? DType.F64 : DType.F32;
  }

  /**
   * Half an ulp of the type where it is narrower than the arithmetic; its spacing where subnormal.
   */
  double rounding(double value) {
    return result == arithmetic() ? 0 : Numbers.ulp(result, value) / 2;
  }

  /** 6 ulp, which is at most 12 units of 2^-53; or 4e-7 and 7e-7 relative. Faint ones: 2^-134. */
  double softmax(double p) {
    return wide ? 6 * Numbers.ulp(DType.F64, p) : of(4e-7, 7e-7) * Math.abs(p) + 0x1p-134;
  }

  /** 2 ulp, or 4.5, of the largest of 1, |y| and |x - M|. */
  double logSoftmax(double y, double below) {
    double size = Math.max(1, Math.max(Math.abs(y), below));
    return (wide ? 2 : of(2, 4.5)) * Numbers.ulp(arithmetic(), size);
  }

  /** 2e-7 absolute + 1 ulp, or 2.3 times that. */
  double logSumExp(double value) {
    return wide
        ? 1e-15 + Numbers.ulp(DType.F64, value)
        : of(1, 2.3) * (2e-7 + Numbers.ulp(DType.F32, value));
  }

  /** Of a label without smoothing; faint ones: 2^-134 for each class. */
  double lossOfLabel(double loss, int classes) {
    return wide ? 1e-15 * Math.abs(loss) : of(4e-7, 7e-7) * (Math.abs(loss) + classes * 0x1p-134);
  }

  /** Of a target of any kind: relative to the sum of |t| (lse - x + 1), the terms that make it. */
  double lossOfTargets(double terms) {
    return (wide ? 2e-15 : of(5e-7, 7e-7)) * terms;
  }

  /** Of the gradient of any kind: relative to c (p sum |t| + |t|). */
  double gradient(double terms) {
    return (wide ? 2e-15 : of(5e-7, 7e-7)) * terms + (wide ? 0 : 0x1p-134);
  }
}
