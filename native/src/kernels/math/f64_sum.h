/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact sums (numerics.md, section 8, "Sums"): every term is split into two parts on grids so coarse that no addition
 * of parts is rounded. So the order does not matter, and terms are added as they are computed.
 *
 * The sums are over the classes of one row, or of interleaved rows of few classes: `turned`, vector i is class i of
 * XENT_DOUBLES rows. Each step is the same for both except the last one, across the vector. After it, all lanes have
 * the sum of the one row.
 */
#ifndef XENT_MATH_F64_SUM_H
#define XENT_MATH_F64_SUM_H

#include <float.h>

#include "kernels/math/f64_exponential.h"

/* ---- pairs, and grids ---- */

typedef struct {
  doubles high, low;
} pair;

XENT_INLINE pair pair_of(doubles v) { return (pair){v, doubles_set(0)}; }
/* Adds pairs, including the rounding errors of the additions. */
XENT_INLINE pair pair_add(pair a, pair b) {
  const doubles s = doubles_add(a.high, b.high), k = doubles_sub(s, a.high);
  const doubles lost = doubles_add(doubles_sub(a.high, doubles_sub(s, k)), doubles_sub(b.high, k));
  return (pair){s, doubles_add(doubles_add(a.low, b.low), lost)};
}
/* a + f g; a itself if g is 0, infinite or NaN */
XENT_INLINE pair pair_add_product(pair a, doubles f, doubles g) {
  const doubles zero = doubles_set(0), p = doubles_mul(f, g);
  const pair sum = pair_add(a, (pair){p, doubles_fma(f, g, doubles_sub(doubles_set(-0.0), p))});
  const doubles size = doubles_where_equal(g, g, doubles_magnitude(g), zero);
  return (pair){doubles_where_at_most(size, zero, a.high, sum.high), doubles_where_at_most(size, zero, a.low, sum.low)};
}
XENT_INLINE doubles pair_value(pair a) {
  return doubles_where_at_most(doubles_magnitude(a.high), doubles_set(DBL_MAX), doubles_add(a.high, a.low), a.high);
}

/* 2^k of integers -1022 <= k <= 1023 */
XENT_INLINE doubles f64_power(doubles k) { return doubles_power(doubles_add(k, doubles_set(XENT_F64_ROUND))); }
/* The pair a times 2^k, where k <= 0 is a difference of references. It is scaled in two steps, because 2^k may
 * underflow although the product does not. */
XENT_INLINE pair pair_scale(pair a, doubles k) {
  const doubles half = f64_power(doubles_mul(doubles_max(doubles_set(-1792), k), doubles_set(0.5)));
  return (pair){doubles_mul(doubles_mul(a.high, half), half), doubles_mul(doubles_mul(a.low, half), half)};
}

/* Adding these constants rounds to the grids of up to 8192 terms, all smaller than 2^T. */
typedef struct {
  doubles coarse, fine;
} f64_grids;

XENT_INLINE f64_grids f64_grids_of(doubles T) {
  const doubles scale = doubles_set(1.5), least = doubles_set(-1022);
  return (f64_grids){doubles_mul(scale, f64_power(doubles_max(least, doubles_add(T, doubles_set(12))))),
                     doubles_mul(scale, f64_power(doubles_max(least, doubles_sub(T, doubles_set(29)))))};
}
/* The grids for exponentials with reference N; `most` is the largest x. */
XENT_INLINE f64_grids f64_grids_for(doubles most, doubles N, f64_temperature t) {
  return f64_grids_of(doubles_add(doubles_sub(f64_octaves(most, t, 1), N), doubles_set(XENT_F64_SCALE_EXPONENT + 1)));
}

XENT_INLINE void f64_add_parts(pair *s, doubles v, f64_grids g) {
  const doubles h = doubles_sub(doubles_add(v, g.coarse), g.coarse);
  const doubles l = doubles_sub(doubles_add(doubles_sub(v, h), g.fine), g.fine);
  s->high = doubles_add(s->high, h);
  s->low = doubles_add(s->low, l);
}

XENT_INLINE doubles f64_across_largest(doubles v, bool turned) {
  return turned ? v : doubles_set(doubles_largest(v));
}
XENT_INLINE pair f64_across_sum(pair s, bool turned) {
  return turned ? s : (pair){doubles_set(doubles_sum(s.high)), doubles_set(doubles_sum(s.low))};
}

/* ---- exponentials ---- */

enum { XENT_F64_STEP = XENT_DOUBLES_BATCH * XENT_DOUBLES };

/* XENT_F64_STEP numbers from number i on: in place, or in `room`, with -inf instead of number `without` and after the
 * last of n. */
XENT_SHARED const double *f64_odd_step(const double *x, int64_t i, int64_t n, int64_t without, double *room) {
  for (int64_t k = 0; k < XENT_F64_STEP; k++) room[k] = i + k < n && i + k != without ? x[i + k] : -INFINITY;
  return room;
}
XENT_INLINE const double *f64_step(const double *x, int64_t i, int64_t n, int64_t without, double *room) {
  const bool whole = n - i >= XENT_F64_STEP && (uint64_t)(without - i) >= XENT_F64_STEP;
  return __builtin_expect(whole, 1) ? x + i : f64_odd_step(x, i, n, without, room);
}

/* The largest of n numbers except number `without`, which may be out of range. */
XENT_INLINE doubles f64_largest(const double *x, int64_t n, int64_t without, bool turned) {
  XENT_ALIGNED double room[XENT_F64_STEP];
  doubles m[XENT_DOUBLES_BATCH];
  XENT_UNROLL(8)
  for (int j = 0; j < XENT_DOUBLES_BATCH; j++) m[j] = doubles_set(-INFINITY);
  int64_t i = 0;
  for (; i + XENT_F64_STEP <= n; i += XENT_F64_STEP) {
    const double *from = f64_step(x, i, n, without, room);
    XENT_UNROLL(8)
    for (int j = 0; j < XENT_DOUBLES_BATCH; j++) m[j] = doubles_max(doubles_load(from + j * XENT_DOUBLES), m[j]);
  }
  const double *rest = without < i ? x + i : f64_step(x, i, n, without, room);
  for (int64_t j = 0; i + j < n; j += XENT_DOUBLES)
    m[0] = doubles_max(doubles_load_part(rest + j, n - i - j, -INFINITY), m[0]);
  XENT_UNROLL(8)
  for (int j = 1; j < XENT_DOUBLES_BATCH; j++) m[0] = doubles_max(m[0], m[j]);
  return f64_across_largest(m[0], turned);
}

/* Adds the first n exponentials of `count` vectors to s, and stores them in e if it is not NULL. */
XENT_INLINE void f64_add_exponentials(pair *s, const double *x, double *e, int64_t n, const f64_reference *k,
                                      f64_grids g, const int count, const bool hot) {
  doubles v[XENT_DOUBLES_BATCH];
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) v[j] = doubles_load(x + j * XENT_DOUBLES);
  f64_exp_vectors(v, count, k, hot);
  XENT_UNROLL(8)
  for (int j = 0; j < count; j++) {
    if (e && count == XENT_DOUBLES_BATCH) doubles_store(e + j * XENT_DOUBLES, v[j]);
    if (e && count < XENT_DOUBLES_BATCH && j * XENT_DOUBLES < n)
      doubles_store_part(e + j * XENT_DOUBLES, n - j * XENT_DOUBLES, v[j]);
    f64_add_parts(s, v[j], g);
  }
}
/* The sum of the exponentials of n numbers; number `without` counts as -inf. The memory after x is used next. */
XENT_INLINE pair f64_sum_exponentials_as(const double *x, double *e, int64_t n, int64_t without,
                                         const f64_reference *of, f64_grids g, const bool hot) {
  enum { TWO = XENT_DOUBLES_BATCH < 2 ? 1 : 2 };
  XENT_ALIGNED double room[XENT_F64_STEP];
  const f64_reference copy = *of, *k = &copy; /* a copy, which no store to e can change */
  pair s = pair_of(doubles_set(0));
  int64_t i = 0;
  for (; i + XENT_F64_STEP <= n; i += XENT_F64_STEP) {
    for (int j = 0; j < XENT_F64_STEP; j += 8) __builtin_prefetch(x + i + j + n);
    const double *from = f64_step(x, i, n, without, room);
    f64_add_exponentials(&s, from, e ? e + i : NULL, XENT_F64_STEP, k, g, XENT_DOUBLES_BATCH, hot);
  }
  const bool direct = without < i && (n - i) % (TWO * XENT_DOUBLES) == 0;
  const double *rest = direct ? x + i : f64_step(x, i, n, without, room);
  for (int64_t j = 0; i + j < n; j += TWO * XENT_DOUBLES)
    f64_add_exponentials(&s, rest + j, e ? e + i + j : NULL, n - i - j, k, g, TWO, hot);
  return s;
}
XENT_SHARED pair f64_sum_exponentials(const double *x, double *e, int64_t n, int64_t without, const f64_reference *k,
                                      f64_grids g) {
  return k->t.value != 0 ? f64_sum_exponentials_as(x, e, n, without, k, g, true)
                         : f64_sum_exponentials_as(x, e, n, without, k, g, false);
}

/* ---- other sums ---- */

/* The terms: t; t x; t (m - x), +0 if t is 0; m - x. Or t (m - x), if NaN is allowed. */
enum { XENT_F64_VALUES, XENT_F64_PRODUCTS, XENT_F64_WEIGHTED_GAPS, XENT_F64_GAPS, XENT_F64_ANY_GAPS };

XENT_INLINE doubles f64_term(const double *t, const double *x, doubles m, int64_t i, int64_t n, const int kind) {
  const doubles ts = kind == XENT_F64_GAPS ? m : doubles_load_part(t + i, n - i, 0);
  if (kind == XENT_F64_VALUES) return ts;
  const doubles xs = doubles_load_part(x + i, n - i, kind == XENT_F64_PRODUCTS ? 0 : doubles_first(m));
  if (kind == XENT_F64_PRODUCTS) return doubles_mul(ts, xs);
  const doubles gap = doubles_sub(m, xs);
  if (kind == XENT_F64_ANY_GAPS) return doubles_mul(ts, gap);
  return kind == XENT_F64_GAPS ? gap : doubles_clear_where_zero(doubles_mul(ts, gap), ts);
}
/* Adds terms as they are, for sums that have no grid. */
XENT_INLINE doubles f64_plain_sum(const double *t, const double *x, doubles m, int64_t n, bool turned, const int kind) {
  doubles sum = doubles_set(0);
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) {
    const doubles term = f64_term(t, x, m, i, n, kind);
    double each[XENT_DOUBLES];
    doubles_store(each, term);
    if (turned) sum = doubles_add(sum, term);
    for (int64_t k = 0; !turned && k < XENT_DOUBLES && i + k < n; k++) sum = doubles_add(sum, doubles_set(each[k]));
  }
  return sum;
}
XENT_INLINE void f64_add_term(pair *s, doubles v, f64_grids g) {
  const doubles h = doubles_sub(doubles_add_aside(v, g.coarse), g.coarse);
  const doubles l = doubles_sub(doubles_add_aside(doubles_sub(v, h), g.fine), g.fine);
  *s = (pair){doubles_add_aside(h, s->high), doubles_add(l, s->low)};
}
/* The largest magnitude of n terms per lane, for their grids; whole vectors go in two chains. */
XENT_INLINE doubles f64_largest_term(const double *t, const double *x, doubles m, int64_t n, const int kind) {
  const int64_t both = n - n % (2 * XENT_DOUBLES);
  const int size = kind == XENT_F64_WEIGHTED_GAPS ? XENT_F64_ANY_GAPS : kind; /* NaN is ignored */
  doubles most = doubles_set(0), odd = most;
  for (int64_t i = 0; i < both; i += 2 * XENT_DOUBLES) {
    most = doubles_max(doubles_magnitude(f64_term(t, x, m, i, i + XENT_DOUBLES, size)), most);
    odd = doubles_max(doubles_magnitude(f64_term(t, x, m, i + XENT_DOUBLES, i + 2 * XENT_DOUBLES, size)), odd);
  }
  for (int64_t i = both; i < n; i += XENT_DOUBLES)
    most = doubles_max(doubles_magnitude(f64_term(t, x, m, i, n, size)), most);
  return doubles_max(odd, most);
}
XENT_INLINE pair f64_sum_terms(const double *t, const double *x, doubles m, int64_t n, f64_grids g, const int kind) {
  const int64_t both = n - n % (2 * XENT_DOUBLES);
  pair s = pair_of(doubles_set(0)), other = s;
  for (int64_t i = 0; i < both; i += 2 * XENT_DOUBLES) {
    f64_add_term(&s, f64_term(t, x, m, i, i + XENT_DOUBLES, kind), g);
    f64_add_term(&other, f64_term(t, x, m, i + XENT_DOUBLES, i + 2 * XENT_DOUBLES, kind), g);
  }
  for (int64_t i = both; i < n; i += XENT_DOUBLES) f64_add_term(&s, f64_term(t, x, m, i, n, kind), g);
  return (pair){doubles_add(s.high, other.high), doubles_add(s.low, other.low)};
}
XENT_INLINE f64_grids f64_grids_of_largest(doubles most) {
  return f64_grids_of(doubles_sub(doubles_exponent(most), doubles_set(1022)));
}

#define XENT_F64_MOST_EXACT 0x1.fffffffffffffp959 /* the largest term that has a grid */

/* The sum of up to XENT_PIECE terms of a row, of any size and sign; piece (native/test/contract/f64.c) is the plain
 * form. */
XENT_INLINE pair f64_sum_as(const double *t, const double *x, doubles m, int64_t n, bool turned, const int kind) {
  const doubles most = f64_across_largest(f64_largest_term(t, x, m, n, kind), turned);
  const pair s = f64_across_sum(f64_sum_terms(t, x, m, n, f64_grids_of_largest(most), kind), turned);
  const doubles limit = doubles_set(XENT_F64_MOST_EXACT), nan = doubles_set(XENT_F64_NAN);
  const doubles exact = doubles_where_at_most(most, limit, s.high, nan);
  if (doubles_bits_equal(exact, exact) == (1u << XENT_DOUBLES) - 1) return s;
  const doubles plain = f64_plain_sum(t, x, m, n, turned, kind), zero = doubles_set(0);
  return (pair){doubles_where_equal(exact, exact, exact, plain), doubles_where_equal(exact, exact, s.low, zero)};
}
XENT_SHARED pair f64_sum_values(const double *v, int64_t n, bool turned) {
  return f64_sum_as(v, NULL, doubles_set(0), n, turned, XENT_F64_VALUES);
}
XENT_SHARED pair f64_sum_products(const double *v, const double *by, int64_t n, bool turned) {
  return f64_sum_as(v, by, doubles_set(0), n, turned, XENT_F64_PRODUCTS);
}
/* The sum of t (m - x), where m is finite. Without t, it is 1 everywhere. */
XENT_SHARED pair f64_sum_gaps(const double *t, const double *x, doubles m, int64_t n, bool turned) {
  return t ? f64_sum_as(t, x, m, n, turned, XENT_F64_WEIGHTED_GAPS) : f64_sum_as(t, x, m, n, turned, XENT_F64_GAPS);
}

#endif
