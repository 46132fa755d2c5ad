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

/* 1 / temperature, which multiplies every exponent: hi + lo is it to 48 bits. */
typedef struct {
  double whole, temperature;
  float hi, lo;
  bool used;
} heat;

XENT_INLINE heat heat_of(double temperature) {
  const bool used = temperature != 0 && temperature != 1;
  const double whole = used ? 1 / temperature : 1;
  const float hi = (float)whole;
  return (heat){.whole = whole, .temperature = used ? temperature : 1, .hi = hi, .lo = (float)(whole - (double)hi), .used = used};
}

/* What depends on N, and on the temperature. */
typedef struct {
  float lowest, magic;
} exp_reference;

XENT_INLINE exp_reference exp_reference_of(float N, const heat *h) {
  const float lowest = fused(N, XENT_LN2_HI, XENT_FLOOR);
  return (exp_reference){.lowest = h->used ? (float)((double)lowest * h->temperature) : lowest,
                         .magic = XENT_ROUND + 8 * XENT_SCALE_EXPONENT - 8 * N};
}

/* The reference for a maximum: the nearest integer to max / ln 2, within the limit. */
XENT_INLINE float reference_for(float max, const heat *h) {
  const float hot = h->used ? max * h->hi : max;
  const float m = hot > XENT_LIMIT ? XENT_LIMIT : hot < -XENT_LIMIT ? -XENT_LIMIT : hot;
  return fused(m, XENT_LOG2E, XENT_ROUND) - XENT_ROUND;
}

XENT_INLINE float exp_one(float x, float N, const heat *h) {
  const exp_reference r = exp_reference_of(N, h);
  x = x < r.lowest ? r.lowest : x;
  float z, t;
  if (h->used) {
    const float product = x * h->hi, rest = fused(x, h->lo, fused(x, h->hi, -product));
    z = fused(product, 8 * XENT_LOG2E, r.magic);
    const float n = z - r.magic;
    t = fused(n, -XENT_LN2_LO / 8, fused(n, -XENT_LN2_HI / 8, product)) + rest;
  } else {
    z = fused(x, 8 * XENT_LOG2E, r.magic);
    const float n = z - r.magic;
    t = fused(n, -XENT_LN2_LO / 8, fused(n, -XENT_LN2_HI / 8, x));
  }
  const float p = fused(fused(XENT_Q3, t, XENT_Q2) * t, t, t);
  const float s = bits_float(XENT_TWO_TO_EIGHTHS[float_bits(z) & 7] + (float_bits(z) << 20));
  return fused(p, s, s);
}

/* The same of vectors; every lane may have a reference of its own. */
typedef struct {
  lanes lowest, magic;
} exp_references;

XENT_INLINE exp_references exp_references_of(lanes N, const heat *h) {
  exp_references r = {.lowest = lanes_fma(N, lanes_set(XENT_LN2_HI), lanes_set(XENT_FLOOR)),
                      .magic = lanes_sub(lanes_set(XENT_ROUND + 8 * XENT_SCALE_EXPONENT), lanes_mul(lanes_set(8), N))};
  if (h->used) r.lowest = dlanes_narrow(dlanes_scale(dlanes_widen(r.lowest), h->temperature));
  return r;
}
XENT_INLINE exp_references exp_everywhere(exp_reference r) {
  return (exp_references){lanes_set(r.lowest), lanes_set(r.magic)};
}
XENT_INLINE lanes references_for(lanes max, const heat *h) {
  const lanes hot = h->used ? lanes_mul(max, lanes_set(h->hi)) : max;
  const lanes m = lanes_max(lanes_min(hot, lanes_set(XENT_LIMIT)), lanes_set(-XENT_LIMIT));
  return lanes_sub(lanes_fma(m, lanes_set(XENT_LOG2E), lanes_set(XENT_ROUND)), lanes_set(XENT_ROUND));
}

/*
 * Vectors go through the exponential in batches, stage by stage, and in two halves: the chain of one vector
 * is longer than a scheduler can look ahead, so a loop runs the second half of one batch between the stages
 * of the first half of the next (exp_step).
 */
#define XENT_BATCH_MAX 4

/* What the second half needs of a vector: e = p(t) * s + s */
typedef struct {
  lanes t[XENT_BATCH_MAX], s[XENT_BATCH_MAX];
} exp_half;

/* The first half of `next` (overwritten) into *half, and the second half of the `pending` vectors that were there before
 * into e. each: every vector has references of its own, else there are one for all. hot: there is a temperature. */
XENT_INLINE void exp_stages(exp_half *half, lanes *next, lanes *e, const int count, const int pending,
                            const exp_references *r, const bool each, const heat *h, const bool hot) {
  lanes z[XENT_BATCH_MAX], s[XENT_BATCH_MAX], p[XENT_BATCH_MAX], rest[XENT_BATCH_MAX];
#define XENT_STAGE(statement) XENT_UNROLL(8) for (int j = 0; j < count; j++) statement
#define XENT_PENDING(statement) XENT_UNROLL(8) for (int j = 0; j < pending; j++) statement
  XENT_STAGE(next[j] = lanes_floor_at(next[j], r[each ? j : 0].lowest));
  if (hot) {
    const lanes hi = lanes_set(h->hi), lo = lanes_set(h->lo);
    XENT_STAGE({
      const lanes product = lanes_mul(next[j], hi);
      rest[j] = lanes_fma(next[j], lo, lanes_fms(next[j], hi, product));
      next[j] = product;
    });
  }
  XENT_PENDING(p[j] = lanes_fma(lanes_set(XENT_Q3), half->t[j], lanes_set(XENT_Q2)));
  XENT_STAGE(z[j] = lanes_fma(next[j], lanes_set(8 * XENT_LOG2E), r[each ? j : 0].magic));
  XENT_PENDING(p[j] = lanes_mul(p[j], half->t[j]));
  XENT_STAGE(s[j] = lanes_exponent_table(z[j]));
  XENT_STAGE(z[j] = lanes_sub(z[j], r[each ? j : 0].magic));
  XENT_PENDING(p[j] = lanes_fma(p[j], half->t[j], half->t[j]));
  XENT_STAGE(next[j] = lanes_fma(z[j], lanes_set(-XENT_LN2_HI / 8), next[j]));
  XENT_PENDING(e[j] = lanes_fma(p[j], half->s[j], half->s[j]));
  XENT_STAGE(half->t[j] = lanes_fma(z[j], lanes_set(-XENT_LN2_LO / 8), next[j]));
  if (hot) XENT_STAGE(half->t[j] = lanes_add(half->t[j], rest[j]));
  XENT_STAGE(half->s[j] = s[j]);
}
XENT_INLINE void exp_end(const exp_half *half, lanes *e, const int count) {
  lanes p[XENT_BATCH_MAX];
  XENT_STAGE(p[j] = lanes_fma(lanes_set(XENT_Q3), half->t[j], lanes_set(XENT_Q2)));
  XENT_STAGE(p[j] = lanes_mul(p[j], half->t[j]));
  XENT_STAGE(p[j] = lanes_fma(p[j], half->t[j], half->t[j]));
  XENT_STAGE(e[j] = lanes_fma(p[j], half->s[j], half->s[j]));
}

/* `count` vectors, x overwritten by e. */
XENT_INLINE void exp_lanes(lanes *x, const int count, const exp_references *r, const bool each, const heat *h, const bool hot) {
  exp_half half;
  exp_stages(&half, x, NULL, count, 0, r, each, h, hot);
  exp_end(&half, x, count);
}

/* For exponentials that no temperature changes. */
static const heat no_heat = {.whole = 1, .temperature = 1, .hi = 1, .lo = 0, .used = false};

#endif
