/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exponential, logarithms and tanh of float64 arithmetic, with every instruction set, against long double, whose own
 * error is 2^-11 of a double's ulp; all instruction sets agree in every bit.
 *   e(x; N) with N the reference of x, |x| <= 16384, and e(x; 0) for -680 <= x <= 0, where it is normal
 * Usage: f64_math_test [N]   N times the default number of values
 */
#include <float.h>
#include <inttypes.h>

#include "calls.h"
#include "cpu/isa.h"
#include "kernels/kernels.h"
#include "numerics/constants.h"
#include "rows.h"
#include "tiers.h"

_Static_assert(LDBL_MANT_DIG >= 64, "long double must be better than double");

enum { BLOCK = 4096 };

typedef struct {
  const char *name;
  double promised, worst, worst_at;
} function;

static const xent_kernels *tiers[MOST_TIERS];
static int tier_count;
static uint64_t compared, wrong;

static double ulp_of(long double v) {
  int exponent;
  frexpl(v, &exponent);
  return ldexp(1.0, exponent - 53 < -1074 ? -1074 : exponent - 53);
}

static bool same_bits(double a, double b) { return !memcmp(&a, &b, sizeof a) || (a != a && b != b); }

static void judge(function *f, double x, double got, long double exact) {
  const double error = (double)(fabsl((long double)got - exact) / (long double)ulp_of(exact));
  if (error > f->worst || error != error) {
    f->worst = error;
    f->worst_at = x;
  }
}

static void differ(const char *name, double x, double got) {
  if (wrong++ < 20) fprintf(stderr, "%s(%a) = %a\n", name, x, got);
}

static double reference_of(double x) { return fma(x, XENT_F64_LOG2E, XENT_F64_ROUND) - XENT_F64_ROUND; }

/* exp(x) 2^(192 - N), with N ln 2 taken off in two steps of which the first is exact */
static long double exponential_of(double x, double N) {
  const long double high = 0x1.62e42fefap-1L, low = 0x1.cf79abc9e3b39803f2p-40L;
  return expl(((long double)x - (long double)N * high) - (long double)N * low) * 0x1p192L;
}

/* All instruction sets on the same x; the results of the first one are kept. */
static void exponentials(const double *x, double N, double *e) {
  double other[BLOCK], single[BLOCK];
  for (int k = 0; k < tier_count; k++) {
    tiers[k]->f64_exponential(x, N, k ? other : e, single, BLOCK);
    for (int64_t i = 0; i < BLOCK; i++, compared++) {
      if (k && !same_bits(other[i], e[i])) differ("e", x[i], other[i]);
      if (!same_bits(single[i], e[i])) differ("e, one by one,", x[i], single[i]);
    }
  }
}

static void test_exponential(function *own, function *zero, int64_t blocks, random_source *r) {
  double x[BLOCK], e[BLOCK];
  for (int64_t b = 0; b < blocks; b++) {
    const double N = b % 3 == 2 ? (double)(random_below(r, 47274) - 23637) : (double)(random_below(r, 80) - 40);
    for (int64_t i = 0; i < BLOCK; i++) { /* every x has the reference N; many are at the border */
      const double place = i % 4 ? random_unit(r) - 0.5 : (i % 8 ? 0.4999 : -0.4999) + 1e-4 * (random_unit(r) - 0.5);
      x[i] = b % 5 == 4 ? ldexp(place, -(int)random_below(r, 60)) : (N + place) * 0.69314718055994530942;
    }
    const double reference = b % 5 == 4 ? 0 : N;
    exponentials(x, reference, e);
    for (int64_t i = 0; i < BLOCK; i++)
      if (reference_of(x[i]) == reference) judge(own, x[i], e[i], exponential_of(x[i], reference));
    for (int64_t i = 0; i < BLOCK; i++) x[i] = -680 * random_unit(r);
    exponentials(x, 0, e);
    for (int64_t i = 0; i < BLOCK; i++) judge(zero, x[i], e[i], exponential_of(x[i], 0));
  }
}

/* Outside of the defined range: NaN stays, far below the reference is exactly +0, all instruction sets agree. */
static void test_strange(random_source *r) {
  double x[BLOCK], e[BLOCK];
  for (int64_t i = 0; i < BLOCK; i++) {
    const uint64_t u = random_bits(r);
    memcpy(&x[i], &u, sizeof u);
  }
  x[0] = NAN, x[1] = INFINITY, x[2] = -INFINITY, x[3] = -0.0, x[4] = -1215.1 * 0.69314718055994530942;
  exponentials(x, 0, e);
  for (int64_t i = 0; i < BLOCK; i++) {
    if (x[i] != x[i] && e[i] == e[i]) differ("NaN lost, e", x[i], e[i]);
    if (x[i] < -1215 * 0.6931471805599454 && !same_bits(e[i], 0)) differ("not +0, e", x[i], e[i]);
  }
}

static void test_tanh(function *f, int64_t blocks, random_source *r) {
  double x[BLOCK], t[BLOCK], other[BLOCK];
  for (int64_t b = 0; b < blocks; b++) {
    for (int64_t i = 0; i < BLOCK; i++) {
      x[i] = (random_unit(r) - 0.5) * (i % 3 ? 1 : 50);
      if (i % 7 == 0) x[i] = ldexp(x[i], -(int)random_below(r, 1060));
    }
    x[0] = 0, x[1] = -0.0, x[2] = INFINITY, x[3] = -INFINITY, x[4] = NAN, x[5] = 0x1p-1074, x[6] = -DBL_MAX;
    for (int k = 0; k < tier_count; k++) {
      tiers[k]->f64_tanh(x, k ? other : t, BLOCK);
      for (int64_t i = 0; k && i < BLOCK; i++, compared++)
        if (!same_bits(other[i], t[i])) differ("tanh", x[i], other[i]);
    }
    for (int64_t i = 0; i < BLOCK; i++) {
      if (x[i] != x[i] || x[i] == 0 ? !same_bits(t[i], x[i]) : fabs(t[i]) > 1) differ("tanh", x[i], t[i]);
      if (x[i] == x[i] && x[i] != 0) judge(f, x[i], t[i], tanhl((long double)x[i]));
    }
  }
}

static double all_tiers(double (*const of[])(double), double x, const char *name) {
  const double first = of[0](x);
  for (int k = 1; k < tier_count; k++, compared++)
    if (!same_bits(of[k](x), first)) differ(name, x, of[k](x));
  return first;
}

static void test_logarithms(function f[3], int64_t count, random_source *r) {
  double (*log_of[MOST_TIERS])(double), (*log1p_of[MOST_TIERS])(double), (*log1m_of[MOST_TIERS])(double);
  for (int k = 0; k < tier_count; k++) {
    log_of[k] = tiers[k]->f64_log;
    log1p_of[k] = tiers[k]->f64_log1p;
    log1m_of[k] = tiers[k]->f64_log1m;
  }
  for (int64_t i = 0; i < count; i++) {
    double v = exp((random_unit(r) - 0.5) * (i % 2 ? 1400 : 2));
    if (i % 5 == 0) v = 1 + ldexp(random_unit(r) - 0.5, -(int)random_below(r, 50));
    if (i % 11 == 0) v = sqrt(i % 2 ? 2 : 0.5) * (1 + 1e-4 * (random_unit(r) - 0.5));
    if (v != 1) judge(&f[0], v, all_tiers(log_of, v, "log"), logl((long double)v));
    double q = 1 - random_unit(r);
    if (i % 3 == 0) q = ldexp(q, -(int)random_below(r, 1000));
    judge(&f[1], q, all_tiers(log1p_of, q, "log1p"), log1pl((long double)q));
    judge(&f[2], q / 2, all_tiers(log1m_of, q / 2, "log(1 - d)"), log1pl(-(long double)(q / 2)));
  }
  if (!same_bits(log_of[0](1), 0) || !same_bits(log1p_of[0](0), 0)) differ("log", 1, log_of[0](1));
}

int main(int argc, char **argv) {
  const long times = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
  if (times < 1) {
    fprintf(stderr, "usage: f64_math_test [N], N at least 1\n");
    return 2;
  }
  random_source r = {8};
  function f[] = {{"e(x; reference of x)", 1.1, 0, 0}, {"e(x; 0), x >= -680", 1.1, 0, 0}, {"log", 1, 0, 0},
                  {"log1p", 1, 0, 0}, {"log(1 - d)", 1, 0, 0}, {"tanh", 2.6, 0, 0}};
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) tiers[tier_count++] = xent_kernels_of(isa);
  test_exponential(&f[0], &f[1], 200 * times, &r);
  for (int i = 0; i < 20; i++) test_strange(&r);
  test_logarithms(f + 2, 500000 * times, &r);
  test_tanh(&f[5], 100 * times, &r);
  bool kept = true;
  for (size_t i = 0; i < sizeof f / sizeof *f; i++) {
    printf("%-21s worst error %.3f ulp, at %a\n", f[i].name, f[i].worst, f[i].worst_at);
    kept &= f[i].worst <= f[i].promised;
  }
  printf("%" PRIu64 " values compared, %" PRIu64 " differ\n", compared, wrong);
  return wrong || !kept;
}
