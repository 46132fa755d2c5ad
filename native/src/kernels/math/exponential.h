/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e(x; N) = exp(x) * 2^(30 - N): the exponential of the bit contract (docs/numerics.md, "Exponential").
 *   z = x * 8 log2(e) + magic, rounded to an integer by the magic constant;  n = z - magic
 *   t = x - n * ln(2) / 8, in two steps;  p = exp(t) - 1;  s = 2^(n/8 + 30 - N);  e = s + p * s
 * N is an integer, so another N gives the same e times an exact power of two. At the lower clamp s is
 * exactly +0. A NaN x stays NaN.
 */
#ifndef XENT_EXPONENTIAL_H
#define XENT_EXPONENTIAL_H

#include "kernels/vector/vector.h"

enum { XENT_SCALE_EXPONENT = 30 }; /* keeps e normal down to exp(-104) */
#define XENT_UNSCALE 0x1p-30
#define XENT_RESCALE 0x1p30

/* What depends on N alone. */
typedef struct {
  float reference, lowest, magic;
} exp_reference;

XENT_INLINE exp_reference exp_reference_of(float N) {
  return (exp_reference){.reference = N,
                         .lowest = fmaf(N, XENT_LN2_HI, XENT_FLOOR),
                         .magic = XENT_ROUND + 8 * XENT_SCALE_EXPONENT - 8 * N};
}

/* The reference for a maximum: the nearest integer to max / ln 2, within the limit. */
XENT_INLINE float reference_for(float max) {
  float m = max > XENT_LIMIT ? XENT_LIMIT : max < -XENT_LIMIT ? -XENT_LIMIT : max;
  return fmaf(m, XENT_LOG2E, XENT_ROUND) - XENT_ROUND;
}

XENT_INLINE float exp_one(float x, exp_reference r) {
  x = x < r.lowest ? r.lowest : x;
  float z = fmaf(x, 8 * XENT_LOG2E, r.magic), n = z - r.magic;
  float t = fmaf(n, -XENT_LN2_LO / 8, fmaf(n, -XENT_LN2_HI / 8, x));
  float p = fmaf(fmaf(XENT_Q3, t, XENT_Q2) * t, t, t);
  float s = bits_float(XENT_TWO_TO_EIGHTHS[float_bits(z) & 7] + (float_bits(z) << 20));
  return fmaf(p, s, s);
}

/* The same where every lane has a reference of its own. */
typedef struct {
  lanes lowest, magic;
} exp_references;

XENT_INLINE exp_references exp_references_of(lanes N) {
  return (exp_references){
      .lowest = lanes_fma(N, lanes_set(XENT_LN2_HI), lanes_set(XENT_FLOOR)),
      .magic = lanes_sub(lanes_set(XENT_ROUND + 8 * XENT_SCALE_EXPONENT), lanes_mul(lanes_set(8), N))};
}
XENT_INLINE lanes references_for(lanes max) {
  const lanes m = lanes_max(lanes_min(max, lanes_set(XENT_LIMIT)), lanes_set(-XENT_LIMIT));
  return lanes_sub(lanes_fma(m, lanes_set(XENT_LOG2E), lanes_set(XENT_ROUND)), lanes_set(XENT_ROUND));
}

/* `count` vectors at once, stage by stage: the chain of one is longer than a scheduler can hide. */
XENT_INLINE void exp_lanes_at(lanes *x, const int count, exp_references r) {
  const lanes lowest = r.lowest, magic = r.magic;
  lanes z[4], t[4], s[4];
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) x[j] = lanes_floor_at(x[j], lowest);
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) z[j] = lanes_fma(x[j], lanes_set(8 * XENT_LOG2E), magic);
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) t[j] = lanes_sub(z[j], magic);
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) s[j] = lanes_exponent_table(z[j]);
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) x[j] = lanes_fma(t[j], lanes_set(-XENT_LN2_HI / 8), x[j]);
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) t[j] = lanes_fma(t[j], lanes_set(-XENT_LN2_LO / 8), x[j]);
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++)
    x[j] = lanes_fma(lanes_set(XENT_Q3), t[j], lanes_set(XENT_Q2));
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) x[j] = lanes_mul(x[j], t[j]);
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) x[j] = lanes_fma(x[j], t[j], t[j]);
  XENT_UNROLL(4)
  for (int j = 0; j < count; j++) x[j] = lanes_fma(x[j], s[j], s[j]);
}
XENT_INLINE void exp_lanes(lanes *x, const int count, exp_reference r) {
  exp_lanes_at(x, count, (exp_references){lanes_set(r.lowest), lanes_set(r.magic)});
}

#endif
