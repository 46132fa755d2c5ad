/* SPDX-License-Identifier: Apache-2.0 */
/* Written by tools/constants.py: change that, not this. numerics.md says what they are for. */
#ifndef XENT_NUMERICS_CONSTANTS_H
#define XENT_NUMERICS_CONSTANTS_H

#include <stdint.h>

enum {
  XENT_LANES = 16,      /* class i of a chunk belongs to lane i mod 16 */
  XENT_GROUP = 128,     /* classes whose terms are added in float before a double takes them */
  XENT_EXACT_MAX = 1024 /* chunks up to this size take their reference from their maximum */
};

/* log2(e) */
static const float XENT_LOG2E = 0x1.715476p+0f;
/* ln 2 = LN2_HI + LN2_LO, each rounded to float */
static const float XENT_LN2_HI = 0x1.62e430p-1f;
static const float XENT_LN2_LO = -0x1.05c610p-29f;
/* exp(t) = 1 + t + Q2 t^2 + Q3 t^3 for |t| <= ln(2)/16 */
static const float XENT_Q2 = 0x1.000876p-1f;
static const float XENT_Q3 = 0x1.55568ap-3f;
/* -157 ln 2: so far below its reference the table scale is exactly +0 */
static const float XENT_FLOOR = -0x1.b34be2p+6f;
/* |max| up to which no shift is needed */
static const float XENT_LIMIT = 0x1.000000p+14f;
/* the reference of -infinity */
static const float XENT_LOWEST_REFERENCE = -0x1.715400p+14f;
/* 1.5 * 2^23: adding it rounds to an integer */
static const float XENT_ROUND = 0x1.800000p+23f;
/* up to here tanh is a polynomial, from here on it comes from the exponential */
static const float XENT_TANH_SPLIT = 0x1.c00000p-1f;
/* |max| + D below which log-sum-exp is next to 0 */
static const float XENT_NEAR_ZERO = 0x1.000000p-3f;

/* bits(2^(i/8) rounded to float) - (i << 20) */
static const uint32_t XENT_TWO_TO_EIGHTHS[8] = {
    0x3f800000u, 0x3f7b95c2u, 0x3f7837f0u, 0x3f75fed7u,
    0x3f7504f3u, 0x3f75672au, 0x3f7744fdu, 0x3f7ac0c7u};

static const double XENT_LN2 = 0x1.62e42fefa39efp-1;
/* 1 / (2 i + 1): log((1 + r) / (1 - r)) = 2 (r + r^3/3 + r^5/5 + ...) */
static const double XENT_LOG_SERIES[9] = {
    0x1.0000000000000p+0, 0x1.5555555555555p-2, 0x1.999999999999ap-3,
    0x1.2492492492492p-3, 0x1.c71c71c71c71cp-4, 0x1.745d1745d1746p-4,
    0x1.3b13b13b13b14p-4, 0x1.1111111111111p-4, 0x1.e1e1e1e1e1e1ep-5};

/* tanh(v) = v + v z (TANH[0] + TANH[1] z + ...), z = v^2 */
static const float XENT_TANH[7] = {
    -0x1.555556p-2f, 0x1.1110cap-3f, -0x1.ba03bep-5f, 0x1.64cc9ap-6f,
    -0x1.167f44p-7f, 0x1.716c44p-9f, -0x1.1f17b8p-11f};

/* log1p(u) = u + u^2 (C0 + C1 u + ...) for 0 <= u <= 1 */
static const float XENT_LOG1P[9] = {
    -0x1.fffffep-2f, 0x1.55540cp-2f, -0x1.ffb95cp-3f, 0x1.969cb2p-3f, -0x1.448ee2p-3f,
    0x1.d992bcp-4f, -0x1.11708cp-4f, 0x1.9d455ap-6f, -0x1.24b298p-8f};

/* float64: log2(e) */
static const double XENT_F64_LOG2E = 0x1.71547652b82fep+0;
/* its ln 2 as a sum of two, each rounded to double */
static const double XENT_F64_LN2_HI = 0x1.62e42fefa39efp-1;
static const double XENT_F64_LN2_LO = 0x1.abc9e3b39803fp-56;
/* -1215 ln 2: so far below its reference the scale is exactly +0 */
static const double XENT_F64_FLOOR = -0x1.a5163fe09663ep+9;
/* 1.5 * 2^52 + 1023: adding it rounds to an integer, whose low bits are a biased exponent */
static const double XENT_F64_ROUND = 0x1.80000000003ffp+52;
/* exp(t) = 1 + t + t^2 (X0 + X1 t + ...) for |t| <= ln(2)/2 */
static const double XENT_F64_EXP_TERMS[10] = {
    0x1.000000000000cp-1, 0x1.5555555555559p-3, 0x1.555555554ffa2p-5,
    0x1.111111110f6b4p-7, 0x1.6c16c185be4d1p-10, 0x1.a01a01afe29a2p-13,
    0x1.a0199662bc477p-16, 0x1.71ddf85aafbbep-19, 0x1.28b06e0824254p-22,
    0x1.af5eb1ac08dc6p-26};
/* log((1 + r) / (1 - r)) = r (2 + z (L0 + L1 z + ...)), z = r^2 <= 0.04 */
static const double XENT_F64_LOG_TERMS[8] = {
    0x1.5555555555555p-1, 0x1.9999999999f17p-2, 0x1.24924923de6edp-2,
    0x1.c71c72df580fcp-3, 0x1.745cac43cc003p-3, 0x1.3b29d0452d426p-3,
    0x1.0e8c55b42945fp-3, 0x1.169c38cc826bep-3};

#endif
