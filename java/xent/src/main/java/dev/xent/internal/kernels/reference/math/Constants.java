// SPDX-License-Identifier: Apache-2.0
// Written by tools/constants.py: change that, not this.
package dev.xent.internal.kernels.reference.math;

/** The constants of the arithmetic; numerics.md says what they are for. */
public final class Constants {
  /** Class i of a chunk belongs to lane i mod 16. */
  public static final int LANES = 16;

  /** Classes whose terms are added in float before a double takes them. */
  public static final int GROUP = 128;

  /** Chunks up to this size take their reference from their maximum. */
  public static final int EXACT_MAX = 1024;

  /** Classes of a chunk: XENT_CHUNK of xent.h. */
  public static final int CHUNK = 8192;

  /** log2(e). */
  public static final float LOG2E = 0x1.715476p0f;

  /** ln 2 = LN2_HI + LN2_LO, each rounded to float. */
  public static final float LN2_HI = 0x1.62e430p-1f;

  public static final float LN2_LO = -0x1.05c610p-29f;

  /** exp(t) = 1 + t + Q2 t^2 + Q3 t^3 for |t| &lt;= ln(2)/16. */
  public static final float Q2 = 0x1.000876p-1f;

  public static final float Q3 = 0x1.55568ap-3f;

  /** -157 ln 2: so far below its reference the table scale is exactly +0. */
  public static final float FLOOR = -0x1.b34be2p6f;

  /** |max| up to which no shift is needed. */
  public static final float LIMIT = 0x1.000000p14f;

  /** the reference of -infinity. */
  public static final float LOWEST_REFERENCE = -0x1.715400p14f;

  /** 1.5 * 2^23: adding it rounds to an integer. */
  public static final float ROUND = 0x1.800000p23f;

  /** up to here tanh is a polynomial, from here on it comes from the exponential. */
  public static final float TANH_SPLIT = 0x1.c00000p-1f;

  /** |max| + D below which log-sum-exp is next to 0. */
  public static final float NEAR_ZERO = 0x1.000000p-3f;

  /** bits(2^(i/8) rounded to float) - (i &lt;&lt; 20). */
  public static final int[] TWO_TO_EIGHTHS = {
    0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7,
    0x3f7504f3, 0x3f75672a, 0x3f7744fd, 0x3f7ac0c7
  };

  public static final double LN2 = 0x1.62e42fefa39efp-1;

  /** 1 / (2 i + 1): log((1 + r) / (1 - r)) = 2 (r + r^3/3 + r^5/5 + ...). */
  public static final double[] LOG_SERIES = {
    0x1.0000000000000p0, 0x1.5555555555555p-2, 0x1.999999999999ap-3,
    0x1.2492492492492p-3, 0x1.c71c71c71c71cp-4, 0x1.745d1745d1746p-4,
    0x1.3b13b13b13b14p-4, 0x1.1111111111111p-4, 0x1.e1e1e1e1e1e1ep-5
  };

  /** tanh(v) = v + v z (TANH[0] + TANH[1] z + ...), z = v^2. */
  public static final float[] TANH = {
    -0x1.555556p-2f, 0x1.1110cap-3f, -0x1.ba03bep-5f, 0x1.64cc9ap-6f,
    -0x1.167f44p-7f, 0x1.716c44p-9f, -0x1.1f17b8p-11f
  };

  /** log1p(u) = u + u^2 (C0 + C1 u + ...) for 0 &lt;= u &lt;= 1. */
  public static final float[] LOG1P = {
    -0x1.fffffep-2f, 0x1.55540cp-2f, -0x1.ffb95cp-3f, 0x1.969cb2p-3f, -0x1.448ee2p-3f,
    0x1.d992bcp-4f, -0x1.11708cp-4f, 0x1.9d455ap-6f, -0x1.24b298p-8f
  };

  /** float64: log2(e). */
  public static final double WIDE_LOG2E = 0x1.71547652b82fep0;

  /** its ln 2 as a sum of two, each rounded to double. */
  public static final double WIDE_LN2_HI = 0x1.62e42fefa39efp-1;

  public static final double WIDE_LN2_LO = 0x1.abc9e3b39803fp-56;

  /** -1215 ln 2: so far below its reference the scale is exactly +0. */
  public static final double WIDE_FLOOR = -0x1.a5163fe09663ep9;

  /** 1.5 * 2^52 + 1023: adding it rounds to an integer, whose low bits are a biased exponent. */
  public static final double WIDE_ROUND = 0x1.80000000003ffp52;

  /** exp(t) = 1 + t + t^2 (X0 + X1 t + ...) for |t| &lt;= ln(2)/2. */
  public static final double[] WIDE_EXP_TERMS = {
    0x1.000000000000cp-1, 0x1.5555555555559p-3, 0x1.555555554ffa2p-5,
    0x1.111111110f6b4p-7, 0x1.6c16c185be4d1p-10, 0x1.a01a01afe29a2p-13,
    0x1.a0199662bc477p-16, 0x1.71ddf85aafbbep-19, 0x1.28b06e0824254p-22,
    0x1.af5eb1ac08dc6p-26
  };

  /** log((1 + r) / (1 - r)) = r (2 + z (L0 + L1 z + ...)), z = r^2 &lt;= 0.04. */
  public static final double[] WIDE_LOG_TERMS = {
    0x1.5555555555555p-1, 0x1.9999999999f17p-2, 0x1.24924923de6edp-2,
    0x1.c71c72df580fcp-3, 0x1.745cac43cc003p-3, 0x1.3b29d0452d426p-3,
    0x1.0e8c55b42945fp-3, 0x1.169c38cc826bep-3
  };

  private Constants() {}
}
