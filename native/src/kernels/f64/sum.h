/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums that are exact (docs/numerics.md, section 8, "Sums"): every term is cut into two parts on grids so coarse that
 * no addition of parts is rounded. So the order does not matter, and a term is added where it comes up.
 */
#ifndef XENT_F64_SUM_H
#define XENT_F64_SUM_H

#include "kernels/f64/load.h"

typedef struct {
  double high, low;
} pair;

/* What its additions lose is kept. */
XENT_INLINE pair pair_add(pair a, pair b) {
  const double s = a.high + b.high, k = s - a.high;
  return (pair){s, (a.low + b.low) + ((a.high - (s - k)) + (b.high - k))};
}
XENT_INLINE pair pair_add_one(pair a, double v) { return pair_add(a, (pair){v, 0}); }
/* a + f g */
XENT_INLINE pair pair_add_product(pair a, double f, double g) {
  const double p = f * g;
  return pair_add(a, (pair){p, fused_double(f, g, -p)});
}
XENT_INLINE double pair_value(pair a) { return isfinite(a.high) ? a.high + a.low : a.high; }

/* 2^k of integers -1022 <= k <= 1023 */
XENT_INLINE doubles f64_power(doubles k) { return doubles_power(doubles_add(k, doubles_set(XENT_F64_ROUND))); }
/* times 2^k, k <= 0 a difference of references: in two steps, as 2^k may be too small for a double where the product
 * is not */
XENT_INLINE pair pair_scale(pair a, double k) {
  if (k == 0) return a;
  const double half = doubles_first(f64_power(doubles_set((k < -1792 ? -1792 : k) / 2)));
  return (pair){a.high * half * half, a.low * half * half};
}

/* Adding these rounds to the grids of up to 8192 terms, all smaller than 2^T. */
typedef struct {
  doubles coarse, fine;
} f64_grids;

XENT_INLINE f64_grids f64_grids_of(doubles T) {
  const doubles scale = doubles_set(1.5), least = doubles_set(-1022);
  return (f64_grids){doubles_mul(scale, f64_power(doubles_max(least, doubles_add(T, doubles_set(12))))),
                     doubles_mul(scale, f64_power(doubles_max(least, doubles_sub(T, doubles_set(29)))))};
}
/* For exponentials of reference N, the largest of x `most`. */
XENT_INLINE f64_grids f64_grids_for(doubles most, doubles N, f64_temperature t) {
  return f64_grids_of(doubles_add(doubles_sub(f64_octaves(most, t, 1), N), doubles_set(XENT_F64_SCALE_EXPONENT + 1)));
}

typedef struct {
  doubles high, low;
} f64_parts;

XENT_INLINE void f64_add_parts(f64_parts *s, doubles v, f64_grids g) {
  const doubles h = doubles_sub(doubles_add(v, g.coarse), g.coarse);
  const doubles l = doubles_sub(doubles_add(doubles_sub(v, h), g.fine), g.fine);
  s->high = doubles_add(s->high, h);
  s->low = doubles_add(s->low, l);
}
XENT_INLINE pair f64_parts_sum(const f64_parts *s) { return (pair){doubles_sum(s->high), doubles_sum(s->low)}; }

XENT_SHARED double f64_largest(const double *x, int64_t n) {
  doubles m[4];
  XENT_UNROLL(4)
  for (int j = 0; j < 4; j++) m[j] = doubles_set(-INFINITY);
  int64_t i = 0;
  for (; i + 4 * XENT_DOUBLES <= n; i += 4 * XENT_DOUBLES) {
    XENT_UNROLL(4)
    for (int j = 0; j < 4; j++) m[j] = doubles_max(doubles_load(x + i + j * XENT_DOUBLES), m[j]);
  }
  for (; i < n; i += XENT_DOUBLES) m[0] = doubles_max(doubles_load_part(x + i, n - i, -INFINITY), m[0]);
  return doubles_largest(doubles_max(doubles_max(m[0], m[1]), doubles_max(m[2], m[3])));
}

/* The sum of n <= XENT_PIECE terms of any size and sign: v, or with `by` the products of both, for which there is
 * `room`. */
XENT_SHARED pair f64_sum(const double *v, const double *by, double *room, int64_t n) {
  doubles most = doubles_set(0);
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) {
    doubles t = doubles_load_part(v + i, n - i, 0);
    if (by) doubles_store_part(room + i, n - i, t = doubles_mul(t, doubles_load_part(by + i, n - i, 0)));
    most = doubles_max(doubles_magnitude(t), most);
  }
  if (by) v = room;
  const double largest = doubles_largest(most);
  const f64_grids g = f64_grids_of(doubles_set((double)(double_bits(largest) >> 52) - 1022));
  f64_parts s = {doubles_set(0), doubles_set(0)};
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) {
    const doubles t = doubles_load_part(v + i, n - i, 0), h = doubles_sub(doubles_add_aside(t, g.coarse), g.coarse);
    const doubles l = doubles_sub(doubles_add_aside(doubles_sub(t, h), g.fine), g.fine);
    s = (f64_parts){doubles_add_aside(h, s.high), doubles_add_aside(l, s.low)};
  }
  pair sum = f64_parts_sum(&s);
  if (largest < 0x1p960 && sum.high == sum.high) return sum;
  sum = (pair){0, 0};
  for (int64_t i = 0; i < n; i++) sum.high += v[i];
  return sum;
}

/* The exponentials of x[0 .. n) are added to s and, where e is not NULL, kept. ahead: the next chunk follows in
 * memory. */
XENT_INLINE void f64_add_exponentials(f64_parts *sum, const double *x, double *e, int64_t n,
                                      const f64_reference *reference,
                                      f64_grids g, const bool with_temperature, const bool ahead) {
  const f64_reference copy = *reference, *k = &copy; /* which no store to e can change */
  f64_parts s[2] = {*sum, {doubles_set(0), doubles_set(0)}};
  int64_t i = 0;
  for (; i + XENT_DOUBLES_BATCH * XENT_DOUBLES <= n; i += XENT_DOUBLES_BATCH * XENT_DOUBLES) {
    doubles v[XENT_DOUBLES_BATCH];
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES_BATCH; j++) {
      const double *p = x + i + j * XENT_DOUBLES;
      if (ahead && j * XENT_DOUBLES % 8 == 0) __builtin_prefetch(p + XENT_CHUNK);
      v[j] = doubles_load(p);
    }
    f64_exp_vectors(v, XENT_DOUBLES_BATCH, k, with_temperature);
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES_BATCH; j++) {
      if (e) doubles_store(e + i + j * XENT_DOUBLES, v[j]);
      f64_add_parts(&s[j % 2], v[j], g);
    }
  }
  for (; i < n; i += XENT_DOUBLES) {
    doubles v = doubles_load_part(x + i, n - i, -INFINITY);
    f64_exp_vectors(&v, 1, k, with_temperature);
    if (e) doubles_store_part(e + i, n - i, v);
    f64_add_parts(&s[0], v, g);
  }
  sum->high = doubles_add(s[0].high, s[1].high);
  sum->low = doubles_add(s[0].low, s[1].low);
}
XENT_SHARED f64_parts f64_sum_exponentials(f64_parts s, const double *x, double *e, int64_t n, const f64_reference *k,
                                           f64_grids g,
                                           bool ahead) {
  if (k->t.value != 0)
    f64_add_exponentials(&s, x, e, n, k, g, true, true);
  else if (ahead)
    f64_add_exponentials(&s, x, e, n, k, g, false, true);
  else
    f64_add_exponentials(&s, x, e, n, k, g, false, false);
  return s;
}

/* A chunk. */
typedef struct {
  double max, reference;
  double others;  /* the largest without the label */
  bool first;     /* the label comes first among the chunk's classes that are not masked */
  pair sum;       /* without the label */
} f64_chunk;

/* No class of the chunk that takes part comes before class y, all being -inf or NaN. */
XENT_INLINE bool f64_none_before(const f64_logits *in, const double *x, int64_t begin, int64_t y) {
  for (int64_t i = 0; i < y; i++)
    if (x[i] == -INFINITY && f64_takes_part(in, begin + i)) return false;
  return true;
}

/* The largest of n prepared logits from class `begin` on. y: the label's place, or n. */
XENT_INLINE void f64_chunk_largest(const f64_logits *in, const double *x, int64_t begin, int64_t n, int64_t y,
                                   f64_temperature t,
                                   f64_chunk *c) {
  const double before = f64_largest(x, y);
  c->others = before;
  c->max = before + 0.0; /* -0 counts as +0 */
  c->first = false;
  if (y < n) {
    const double behind = f64_largest(x + y + 1, n - y - 1);
    c->others = behind > before ? behind : before;
    c->max = (x[y] > c->others ? x[y] : c->others) + 0.0;
    c->first = x[y] == c->max && (before < x[y] || (x[y] == -INFINITY && f64_none_before(in, x, begin, y)));
  }
  c->reference = doubles_first(f64_reference_for(doubles_set(c->max), t));
}

/* Its sum. The largest are known; e may be x. */
XENT_SHARED void f64_chunk_sum(const double *x, double *e, int64_t n, int64_t y, f64_temperature t, f64_chunk *c) {
  c->sum = (pair){0, 0};
  if (c->max * t.high > (double)XENT_LIMIT) return; /* a second round comes, or the row is NaN */
  const doubles N = doubles_set(c->reference);
  const f64_reference k = f64_reference_of(N, t);
  const f64_grids g = f64_grids_for(doubles_set(c->others), N, t);
  f64_parts s = {doubles_set(0), doubles_set(0)};
  for (int64_t i = 0, end = y; i < n; i = end + 1, end = n) { /* before and behind the label */
    s = f64_sum_exponentials(s, x + i, e ? e + i : NULL, end - i, &k, g, n == XENT_CHUNK);
    if (e && end < n) e[end] = 0;
  }
  c->sum = f64_parts_sum(&s);
}

#endif
