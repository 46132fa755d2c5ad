// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

/** The largest errors allowed: the promises of conformance/bounds.md, for all rows alike. */
final class Limits {
  static final double SOFTMAX_ULPS = 8.5;

  /** Relative. */
  static final double SOFTMAX = 5.5e-7;

  /** In ulps of max(1, |y|, |x - M|). */
  static final double LOG_SOFTMAX_ULPS = 4;

  /** In 3.1e-7 + 1.5 ulp. */
  static final double LOG_SUM_EXP = 1;

  /** Relative, of a label's loss and of the gradient at its class. */
  static final double LABEL = 5e-7;

  /** Relative, of a label's gradient elsewhere. */
  static final double GRADIENT = 5.5e-7;

  /** Of losses under smoothing, in the sizes of their terms. */
  static final double SMOOTHED_LOSS = 5e-7;

  static final double SMOOTHED_GRADIENT = 5.5e-7;

  /** Of losses with class weights or of probability rows, in the sizes of their terms. */
  static final double TARGETS_LOSS = 5.5e-7;

  static final double TARGETS_GRADIENT = 9e-7;

  static final double BACKWARD = 4.5e-7;

  private Limits() {}
}
