// SPDX-License-Identifier: Apache-2.0
// Written by tools/constants.py: change that, not this.
package dev.xent.internal.kernels.reference;

/** The constants of the float32 arithmetic; docs/numerics.md says what they are for. */
final class Constants {
  /** Class i of a chunk belongs to lane i mod 16. */
  static final int LANES = 16;

  /** Classes whose terms are added in float before a double takes them. */
  static final int GROUP = 128;

  /** Chunks up to this size take their reference from their maximum. */
  static final int EXACT_MAX = 1024;

  /** Classes of a chunk: XENT_CHUNK of xent.h. */
  static final int CHUNK = 8192;

  /** log2(e). */
  static final float LOG2E = 0x1.715476p0f;

  /** ln 2 = LN2_HI + LN2_LO, each rounded to float. */
  static final float LN2_HI = 0x1.62e430p-1f;

  static final float LN2_LO = -0x1.05c610p-29f;

  /** exp(t) = 1 + t + Q2 t^2 + Q3 t^3 for |t| &lt;= ln(2)/16. */
  static final float Q2 = 0x1.000876p-1f;

  static final float Q3 = 0x1.55568ap-3f;

  /** -157 ln 2: so far below its reference the table scale is exactly +0. */
  static final float FLOOR = -0x1.b34be2p6f;

  /** |max| up to which no shift is needed. */
  static final float LIMIT = 0x1.000000p14f;

  /** the reference of -infinity. */
  static final float LOWEST_REFERENCE = -0x1.715400p14f;

  /** 1.5 * 2^23: adding it rounds to an integer. */
  static final float ROUND = 0x1.800000p23f;

  /** up to here tanh is a polynomial, from here on it comes from the exponential. */
  static final float TANH_SPLIT = 0x1.c00000p-1f;

  /** bits(2^(i/8) rounded to float) - (i &lt;&lt; 20). */
  static final int[] TWO_TO_EIGHTHS = {
    0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7,
    0x3f7504f3, 0x3f75672a, 0x3f7744fd, 0x3f7ac0c7
  };

  static final double LN2 = 0x1.62e42fefa39efp-1;

  /** 1 / (2 i + 1): log((1 + r) / (1 - r)) = 2 (r + r^3/3 + r^5/5 + ...). */
  static final double[] LOG_SERIES = {
    0x1.0000000000000p0, 0x1.5555555555555p-2, 0x1.999999999999ap-3,
    0x1.2492492492492p-3, 0x1.c71c71c71c71cp-4, 0x1.745d1745d1746p-4,
    0x1.3b13b13b13b14p-4, 0x1.1111111111111p-4, 0x1.e1e1e1e1e1e1ep-5
  };

  /** tanh(v) = v + v z (TANH[0] + TANH[1] z + ...), z = v^2. */
  static final float[] TANH = {
    -0x1.555556p-2f, 0x1.1110cap-3f, -0x1.ba03bep-5f, 0x1.64cc9ap-6f,
    -0x1.167f44p-7f, 0x1.716c44p-9f, -0x1.1f17b8p-11f
  };

  private Constants() {}
}
