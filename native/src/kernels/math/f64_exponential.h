/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e(x; N) = exp(x / temperature) * 2^(192 - N) in double, and tanh (conformance/numerics.md, section 8).
 *   z = x log2(e) + magic: its low bits are the biased exponent of s;  n = z - magic;  t = x - n ln 2
 *   p = exp(t) - 1;  e = s + p s
 * At the lower clamp s is exactly +0. A NaN x stays NaN. f64_contract_exp_at (native/test/contract/f64.c) is the plain
 * form.
 */
#ifndef XENT_F64_EXPONENTIAL_H
#define XENT_F64_EXPONENTIAL_H

#include "kernels/vector/vector.h"

enum {
  XENT_F64_EXP_COUNT = sizeof XENT_F64_EXP_TERMS / sizeof *XENT_F64_EXP_TERMS,
  XENT_F64_SCALE_EXPONENT = 192, /* keeps e normal down to exp(-793) below the largest, if that is about N */
  XENT_F64_REFERENCE_STEP = 256  /* of references: the chunks of a row then nearly always share one */
};

/* A temperature as a factor: 1 / temperature = high + low. */
typedef struct {
  double value, high, low; /* value 0: no temperature */
} f64_temperature;

XENT_INLINE f64_temperature f64_temperature_of(double value) {
  if (value == 0 || value == 1) return (f64_temperature){0, 1, 0};
  const double high = 1 / value;
  return (f64_temperature){value, high, fused_double(-high, value, 1) / value};
}

/* The constants of an exponential, per lane. */
typedef struct {
  doubles lowest, magic;
  f64_temperature t;
} f64_reference;

XENT_INLINE f64_reference f64_reference_of(doubles N, f64_temperature t) {
  const doubles lowest = doubles_fma(N, doubles_set(XENT_F64_LN2_HI), doubles_set(XENT_F64_FLOOR));
  return (f64_reference){t.value != 0 ? doubles_mul(lowest, doubles_set(t.value)) : lowest,
                         doubles_sub(doubles_set(XENT_F64_ROUND + XENT_F64_SCALE_EXPONENT), N), t};
}

/* x / ln 2 in units of `step`, rounded to an integer; x is within the limit. */
XENT_INLINE doubles f64_octaves(doubles x, f64_temperature t, double step) {
  const doubles limit = doubles_set((double)XENT_LIMIT), round = doubles_set(XENT_F64_ROUND);
  const doubles k = doubles_mul(x, doubles_set(t.high)), least = doubles_set(-(double)XENT_LIMIT);
  const doubles m = doubles_max(least, doubles_where_at_most(k, limit, k, limit));
  return doubles_sub(doubles_fma(m, doubles_set(XENT_F64_LOG2E / step), round), round);
}
/* The reference for a maximum. */
XENT_INLINE doubles f64_reference_for(doubles max, f64_temperature t) {
  return doubles_mul(doubles_set(XENT_F64_REFERENCE_STEP), f64_octaves(max, t, XENT_F64_REFERENCE_STEP));
}

/* The terms (exp(t) - 1 - t) / t^2 of `count` vectors, stage by stage, because one chain is longer than the scheduling
 * window. */
#define XENT_F64_STAGE(...) XENT_UNROLL(8) for (int j = 0; j < count; j++) __VA_ARGS__
XENT_INLINE void f64_exp_terms(const doubles *t, doubles *p, const int count) {
  XENT_F64_STAGE(p[j] = doubles_set(XENT_F64_EXP_TERMS[XENT_F64_EXP_COUNT - 1]));
  XENT_UNROLL(16)
  for (int i = XENT_F64_EXP_COUNT - 2; i >= 0; i--)
    XENT_F64_STAGE(p[j] = doubles_fma(p[j], t[j], doubles_set(XENT_F64_EXP_TERMS[i])));
}

/* Reduces x by n octaves. */
XENT_INLINE doubles f64_reduce(doubles x, doubles n) {
  return doubles_fma(n, doubles_set(-XENT_F64_LN2_LO), doubles_fma(n, doubles_set(-XENT_F64_LN2_HI), x));
}

/* `count` vectors; e overwrites x. with_temperature is k->t.value != 0. */
XENT_INLINE void f64_exp_vectors(doubles *x, const int count, const f64_reference *k, const bool with_temperature) {
  doubles s[XENT_DOUBLES_BATCH], n[XENT_DOUBLES_BATCH], c[XENT_DOUBLES_BATCH];
  const doubles lowest = k->lowest, magic = k->magic, log2e = doubles_set(XENT_F64_LOG2E);
  const doubles high = doubles_set(k->t.high), low = doubles_set(k->t.low);
  XENT_F64_STAGE(x[j] = doubles_max(lowest, x[j]));
  if (with_temperature) {
    XENT_F64_STAGE({
      const doubles product = doubles_mul(x[j], high);
      c[j] = doubles_fma(x[j], low, doubles_fma(x[j], high, doubles_sub(doubles_set(-0.0), product)));
      x[j] = product;
    });
  }
  XENT_F64_STAGE(s[j] = doubles_fma(x[j], log2e, magic));
  XENT_F64_STAGE(n[j] = doubles_sub(s[j], magic));
  if (with_temperature) {
    XENT_F64_STAGE(x[j] = doubles_add(doubles_fma(n[j], doubles_set(-XENT_F64_LN2_HI), x[j]),
                                      doubles_fma(n[j], doubles_set(-XENT_F64_LN2_LO), c[j])));
  } else {
    XENT_F64_STAGE(x[j] = f64_reduce(x[j], n[j]));
  }
  XENT_F64_STAGE(s[j] = doubles_power(s[j]));
  f64_exp_terms(x, n, count);
  XENT_F64_STAGE(n[j] = doubles_fma(doubles_mul(n[j], x[j]), x[j], x[j]));
  XENT_F64_STAGE(x[j] = doubles_fma(n[j], s[j], s[j]));
}

/* Computes e of x[0 .. n); e may be x. */
XENT_INLINE void f64_exp_of(const double *x, double *e, int64_t n, const f64_reference *k,
                            const bool with_temperature) {
  int64_t i = 0;
  for (; i + XENT_DOUBLES_BATCH * XENT_DOUBLES <= n; i += XENT_DOUBLES_BATCH * XENT_DOUBLES) {
    doubles v[XENT_DOUBLES_BATCH];
    for (int j = 0; j < XENT_DOUBLES_BATCH * XENT_DOUBLES; j += 8) __builtin_prefetch(x + i + j + n); /* the next n */
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES_BATCH; j++) v[j] = doubles_load(x + i + j * XENT_DOUBLES);
    f64_exp_vectors(v, XENT_DOUBLES_BATCH, k, with_temperature);
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES_BATCH; j++) doubles_store(e + i + j * XENT_DOUBLES, v[j]);
  }
  for (; i < n; i += XENT_DOUBLES) {
    doubles v = doubles_load_part(x + i, n - i, 0);
    f64_exp_vectors(&v, 1, k, with_temperature);
    doubles_store_part(e + i, n - i, v);
  }
}
XENT_SHARED void f64_exponentials(const double *x, double *e, int64_t n, const f64_reference *k) {
  if (k->t.value != 0)
    f64_exp_of(x, e, n, k, true);
  else
    f64_exp_of(x, e, n, k, false);
}
XENT_INLINE doubles f64_exp(doubles x, const f64_reference *k) {
  f64_exp_vectors(&x, 1, k, k->t.value != 0);
  return x;
}

/* exp(y) - 1 for -40 <= y or NaN; overwrites y. */
XENT_INLINE void f64_exp_minus_one_vectors(doubles *y, const int count) {
  doubles s[XENT_DOUBLES_BATCH], p[XENT_DOUBLES_BATCH];
  const doubles round = doubles_set(XENT_F64_ROUND), one = doubles_set(1);
  XENT_F64_STAGE({
    const doubles z = doubles_fma(y[j], doubles_set(XENT_F64_LOG2E), round);
    s[j] = doubles_power(z);
    y[j] = f64_reduce(y[j], doubles_sub(z, round));
  });
  f64_exp_terms(y, p, count);
  XENT_F64_STAGE(y[j] = doubles_fma(doubles_fma(doubles_mul(p[j], y[j]), y[j], y[j]), s[j], doubles_sub(s[j], one)));
}
XENT_INLINE doubles f64_exp_minus_one(doubles y) {
  f64_exp_minus_one_vectors(&y, 1);
  return y;
}

/* m / (m + 2) with m = exp(2 |v|) - 1; 1 from 20 on. Overwrites v. */
XENT_INLINE void f64_tanh_vectors(doubles *v, const int count) {
  doubles m[XENT_DOUBLES_BATCH];
  const doubles most = doubles_set(20), two = doubles_set(2);
  XENT_F64_STAGE({
    const doubles size = doubles_magnitude(v[j]), w = doubles_where_at_most(most, size, most, size);
    m[j] = doubles_add(w, w);
  });
  f64_exp_minus_one_vectors(m, count);
  XENT_F64_STAGE(v[j] = doubles_sign(doubles_div(m[j], doubles_add(m[j], two)), v[j]));
}
XENT_INLINE doubles f64_tanh(doubles v) {
  f64_tanh_vectors(&v, 1);
  return v;
}

#endif
