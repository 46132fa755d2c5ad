/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e(x; N) = exp(x) * 2^(30 - N): the exponential of the bit contract (conformance/numerics.md, "Exponential").
 *   z = x * 8 log2(e) + magic, rounded to an integer by the magic constant;  n = z - magic
 *   t = x - n * ln(2) / 8, in two steps;  p = exp(t) - 1;  s = 2^(n/8 + 30 - N);  e = s + p * s
 * N is an integer, so another N yields the same e times an exact power of two. At the lower clamp s is exactly +0. A
 * NaN x stays NaN. contract_exp_at (native/test/contract/contract.c) is the plain form.
 */
#ifndef XENT_EXPONENTIAL_H
#define XENT_EXPONENTIAL_H

#include "kernels/vector/vector.h"

enum { XENT_SCALE_EXPONENT = 30 }; /* keeps e normal down to exp(-104) */
#define XENT_UNSCALE 0x1p-30
#define XENT_RESCALE 0x1p30

/* 1 / temperature, which multiplies every exponent. The logits are not scaled. Instead, the reduction has steps of
 * `eighth`, which is ln 2 / 8 in units of the logits, and the coefficients of the polynomial contain the powers of 1 /
 * temperature. */
typedef struct {
  double value, reciprocal;
  float hi;                        /* 1 / temperature as a float: the coefficient of t */
  float eighth_hi, eighth_lo, per_eighth;
  float q2, q3, floor;
} f32_temperature;

/* The constants of temperature 1: the values of the formulas below. */
#define XENT_TEMPERATURE_1 {1, 1, 1, XENT_LN2_HI / 8, XENT_LN2_LO / 8, 8 * XENT_LOG2E, XENT_Q2, XENT_Q3, XENT_FLOOR}
static const f32_temperature temperature_1 = XENT_TEMPERATURE_1;

/* The fields are set one by one: copying temperature_1 from memory made a call of a short row 8 ns longer. */
XENT_INLINE f32_temperature f32_temperature_of(double value) {
  f32_temperature h = XENT_TEMPERATURE_1;
  if (value != 0 && value != 1) {
    const double r = 1 / value, eighth = XENT_LN2 / 8 * value;
    h.reciprocal = r;
    h.value = value;
    h.hi = (float)r;
    h.eighth_hi = (float)eighth;
    h.eighth_lo = (float)(eighth - (double)h.eighth_hi);
    h.per_eighth = (float)(1 / eighth);
    h.q2 = (float)((double)XENT_Q2 * r * r);
    h.q3 = (float)((double)XENT_Q3 * r * r * r);
    h.floor = (float)((double)XENT_FLOOR * value);
  }
  return h;
}

/* The constants that depend on N and on the temperature. */
typedef struct {
  float lowest, magic;
} exp_reference;

XENT_INLINE exp_reference exp_reference_of(float N, const f32_temperature *h) {
  return (exp_reference){.lowest = fused(N, 8 * h->eighth_hi, h->floor),
                         .magic = XENT_ROUND + 8 * XENT_SCALE_EXPONENT - 8 * N};
}

/* The reference for a maximum: the nearest integer to max / ln 2, within the limit (contract_reference). */
XENT_INLINE float reference_for(float max, const f32_temperature *h) {
  const float hot = max * h->hi;
  const float m = hot > XENT_LIMIT ? XENT_LIMIT : hot < -XENT_LIMIT ? -XENT_LIMIT : hot;
  return fused(m, XENT_LOG2E, XENT_ROUND) - XENT_ROUND;
}

XENT_INLINE float exp_one(float x, float N, const f32_temperature *h) {
  const exp_reference r = exp_reference_of(N, h);
  x = x < r.lowest ? r.lowest : x;
  const float z = fused(x, h->per_eighth, r.magic), n = z - r.magic;
  const float t = fused(n, -h->eighth_lo, fused(n, -h->eighth_hi, x));
  const float p = fused(fused(h->q3, t, h->q2), t, h->hi) * t;
  const float s = bits_float(XENT_TWO_TO_EIGHTHS[float_bits(z) & 7] + (float_bits(z) << 20));
  return fused(p, s, s);
}

/* exp_reference for vectors, with one reference per lane. */
typedef struct {
  lanes lowest, magic;
} exp_references;

XENT_INLINE exp_references exp_references_of(lanes N, const f32_temperature *h) {
  return (exp_references){
      .lowest = lanes_fma(N, lanes_set(8 * h->eighth_hi), lanes_set(h->floor)),
      .magic = lanes_sub(lanes_set(XENT_ROUND + 8 * XENT_SCALE_EXPONENT), lanes_mul(lanes_set(8), N))};
}
XENT_INLINE exp_references exp_everywhere(exp_reference r) {
  return (exp_references){lanes_set(r.lowest), lanes_set(r.magic)};
}
XENT_INLINE lanes references_for(lanes max, const f32_temperature *h) {
  const lanes hot = lanes_mul(max, lanes_set(h->hi));
  const lanes m = lanes_max(lanes_min(hot, lanes_set(XENT_LIMIT)), lanes_set(-XENT_LIMIT));
  return lanes_sub(lanes_fma(m, lanes_set(XENT_LOG2E), lanes_set(XENT_ROUND)), lanes_set(XENT_ROUND));
}

/* A factor below the normal floats is stored 2^96 times larger, and the result is scaled back. */
#define XENT_TINY_SCALE 0x1p96
#define XENT_TINY_UNSCALE 0x1p-96f

/*
 * Vectors go through the exponential in batches, stage by stage, and in two halves. The chain of one vector is longer
 * than the scheduling window of a CPU, so a loop runs the second half of one batch between the stages of the first half
 * of the next (exp_step).
 */
#define XENT_BATCH_MAX 4

/* The inputs of the second half for a vector: e = p(t) * s + s */
typedef struct {
  lanes t[XENT_BATCH_MAX], s[XENT_BATCH_MAX];
} exp_half;

/* exp(t) - 1 in three steps. */
XENT_INLINE lanes power_begun(lanes t, const f32_temperature *h) {
  return lanes_fma(lanes_set(h->q3), t, lanes_set(h->q2));
}
XENT_INLINE lanes power_continued(lanes p, lanes t, const f32_temperature *h) {
  return lanes_fma(p, t, lanes_set(h->hi));
}
XENT_INLINE lanes power_ended(lanes p, lanes t) { return lanes_mul(p, t); }

/* The first half of `next` (overwritten) into *half, and the second half of the `pending` vectors that were in it into
 * e. each: every vector has its own references; otherwise all share one set. */
XENT_INLINE void exp_stages(exp_half *half, lanes *next, lanes *e, const int count, const int pending,
                            const exp_references *r, const bool each, const f32_temperature *h) {
  const lanes per_eighth = lanes_set(h->per_eighth);
  const lanes hi = lanes_set(-h->eighth_hi), lo = lanes_set(-h->eighth_lo);
  lanes z[XENT_BATCH_MAX], s[XENT_BATCH_MAX], p[XENT_BATCH_MAX];
#define XENT_STAGE(...) XENT_UNROLL(8) for (int j = 0; j < count; j++) __VA_ARGS__
#define XENT_PENDING(statement) XENT_UNROLL(8) for (int j = 0; j < pending; j++) statement
  XENT_STAGE(next[j] = lanes_floor_at(next[j], r[each ? j : 0].lowest));
  XENT_PENDING(p[j] = power_begun(half->t[j], h));
  XENT_STAGE(z[j] = lanes_fma(next[j], per_eighth, r[each ? j : 0].magic));
  XENT_PENDING(p[j] = power_continued(p[j], half->t[j], h));
  XENT_STAGE(s[j] = lanes_exponent_table(z[j]));
  XENT_STAGE(z[j] = lanes_sub(z[j], r[each ? j : 0].magic));
  XENT_PENDING(p[j] = power_ended(p[j], half->t[j]));
  XENT_STAGE(next[j] = lanes_fma(z[j], hi, next[j]));
  XENT_PENDING(e[j] = lanes_fma(p[j], half->s[j], half->s[j]));
  XENT_STAGE(half->t[j] = lanes_fma(z[j], lo, next[j]));
  XENT_STAGE(half->s[j] = s[j]);
}
XENT_INLINE void exp_end(const exp_half *half, lanes *e, const int count, const f32_temperature *h) {
  lanes p[XENT_BATCH_MAX];
  XENT_STAGE(p[j] = power_begun(half->t[j], h));
  XENT_STAGE(p[j] = power_continued(p[j], half->t[j], h));
  XENT_STAGE(p[j] = power_ended(p[j], half->t[j]));
  XENT_STAGE(e[j] = lanes_fma(p[j], half->s[j], half->s[j]));
}

/* `count` vectors; e overwrites x. */
XENT_INLINE void exp_lanes(lanes *x, const int count, const exp_references *r, const bool each,
                           const f32_temperature *h) {
  exp_half half;
  exp_stages(&half, x, NULL, count, 0, r, each, h);
  exp_end(&half, x, count, h);
}

#endif
