/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e(x; N) = exp(x) * 2^(30 - N) in double, and tanh (docs/numerics.md, section 8).
 *   z = x log2(e) + magic: its low bits are the biased exponent of s;  n = z - magic;  t = x - n ln 2
 *   r = exp(t) - 1 - t;  h + l = 1 + t exactly;  e = (h + (l + r)) s
 * At the lower clamp s is exactly +0. A NaN x stays NaN.
 */
#ifndef XENT_WIDE_EXPONENTIAL_H
#define XENT_WIDE_EXPONENTIAL_H

#include "kernels/math/exponential.h"

enum { XENT_WIDE_EXP_COUNT = sizeof XENT_WIDE_EXP_TERMS / sizeof *XENT_WIDE_EXP_TERMS };

/* What depends on N alone. */
typedef struct {
  double lowest, magic;
} f64_reference;

XENT_INLINE f64_reference f64_reference_of(double N) {
  return (f64_reference){.lowest = fma(N, XENT_WIDE_LN2_HI, XENT_WIDE_FLOOR),
                          .magic = XENT_WIDE_ROUND + XENT_SCALE_EXPONENT - N};
}

/* The reference for a maximum: the nearest integer to max / ln 2, within the limit. */
XENT_INLINE double f64_reference_for(double max) {
  const double limit = (double)XENT_LIMIT, m = max > limit ? limit : max < -limit ? -limit : max;
  return fma(m, XENT_WIDE_LOG2E, XENT_WIDE_ROUND) - XENT_WIDE_ROUND;
}

/* (exp(t) - 1 - t) / t^2 */
XENT_INLINE double f64_exp_terms(double t) {
  double p = XENT_WIDE_EXP_TERMS[XENT_WIDE_EXP_COUNT - 1];
  XENT_UNROLL(16)
  for (int i = XENT_WIDE_EXP_COUNT - 2; i >= 0; i--) p = fma(p, t, XENT_WIDE_EXP_TERMS[i]);
  return p;
}
XENT_INLINE dlanes f64_exp_terms_lanes(dlanes t) {
  dlanes p = dlanes_set(XENT_WIDE_EXP_TERMS[XENT_WIDE_EXP_COUNT - 1]);
  XENT_UNROLL(16)
  for (int i = XENT_WIDE_EXP_COUNT - 2; i >= 0; i--) p = dlanes_fma(p, t, dlanes_set(XENT_WIDE_EXP_TERMS[i]));
  return p;
}

XENT_INLINE double f64_exp_one(double x, f64_reference k) {
  x = x < k.lowest ? k.lowest : x;
  const double z = fma(x, XENT_WIDE_LOG2E, k.magic), n = z - k.magic;
  const double t = fma(n, -XENT_WIDE_LN2_LO, fma(n, -XENT_WIDE_LN2_HI, x));
  const double r = f64_exp_terms(t) * t * t, h = 1 + t, l = (1 - h) + t;
  return (h + (l + r)) * bits_double(double_bits(z) << 52);
}

/* x log2(e) + magic as an integer n and what is left of x. */
XENT_INLINE dlanes f64_reduce(dlanes x, dlanes z, double magic) {
  const dlanes n = dlanes_sub(z, dlanes_set(magic));
  return dlanes_fma(n, dlanes_set(-XENT_WIDE_LN2_LO), dlanes_fma(n, dlanes_set(-XENT_WIDE_LN2_HI), x));
}

/* `count` vectors, x overwritten by e; stage by stage, as one chain is longer than a scheduler looks ahead. */
XENT_INLINE void f64_exp_lanes(dlanes *x, const int count, f64_reference k) {
  dlanes s[XENT_WIDE_BATCH], t[XENT_WIDE_BATCH], p[XENT_WIDE_BATCH];
#define XENT_WIDE_STAGE(...) XENT_UNROLL(2) for (int j = 0; j < count; j++) __VA_ARGS__
  XENT_WIDE_STAGE(x[j] = dlanes_floor_at(x[j], dlanes_set(k.lowest)));
  XENT_WIDE_STAGE(s[j] = dlanes_line(x[j], XENT_WIDE_LOG2E, k.magic));
  XENT_WIDE_STAGE(t[j] = f64_reduce(x[j], s[j], k.magic));
  XENT_WIDE_STAGE(s[j] = dlanes_power(s[j]));
  XENT_WIDE_STAGE(p[j] = dlanes_set(XENT_WIDE_EXP_TERMS[XENT_WIDE_EXP_COUNT - 1]));
  XENT_UNROLL(16)
  for (int i = XENT_WIDE_EXP_COUNT - 2; i >= 0; i--)
    XENT_WIDE_STAGE(p[j] = dlanes_fma(p[j], t[j], dlanes_set(XENT_WIDE_EXP_TERMS[i])));
  XENT_WIDE_STAGE(p[j] = dlanes_mul(dlanes_mul(p[j], t[j]), t[j]));
  XENT_WIDE_STAGE({
    const dlanes one = dlanes_set(1), h = dlanes_add(one, t[j]), l = dlanes_add(dlanes_sub(one, h), t[j]);
    x[j] = dlanes_mul(dlanes_add(h, dlanes_add(l, p[j])), s[j]);
  });
}

/* exp(y) - 1 of -40 <= y, NaN too */
XENT_INLINE dlanes f64_exp_minus_one(dlanes y) {
  const dlanes z = dlanes_line(y, XENT_WIDE_LOG2E, XENT_WIDE_ROUND), s = dlanes_power(z);
  const dlanes t = f64_reduce(y, z, XENT_WIDE_ROUND);
  const dlanes p = dlanes_fma(dlanes_mul(f64_exp_terms_lanes(t), t), t, t);
  return dlanes_fma(p, s, dlanes_sub(s, dlanes_set(1)));
}

/* m / (m + 2) with m = exp(2 |v|) - 1; 1 from 20 on */
XENT_INLINE dlanes f64_tanh_lanes(dlanes v) {
  const dlanes size = dlanes_magnitude(v), most = dlanes_set(20), w = dlanes_where_at_most(most, size, most, size);
  const dlanes m = f64_exp_minus_one(dlanes_add(w, w));
  return dlanes_sign(dlanes_div(m, dlanes_add(m, dlanes_set(2))), v);
}

#endif
