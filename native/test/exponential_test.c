/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exponential of every instruction set against exp in double, whose own error is 2^-29 of a float's ulp:
 *   e(x; N) with N the reference of x, for every finite |x| <= 16384, and e(x; 0) for -104 <= x <= 0.
 *   The same with temperatures of the whole range, for random x / temperature, half of them where n rounds up or down.
 * And for all other floats: NaN stays NaN, far below the reference is exactly +0, all instruction sets agree.
 * Usage: exponential_test [STEP]   every STEP-th float of each kind; 1 is all of them (minutes)
 */
#include <inttypes.h>

#include "calls.h"
#include "cpu/isa.h"
#include "kernels/kernels.h"
#include "numerics/constants.h"
#include "rows.h"
#include "tiers.h"

enum { BLOCK = 4096, REFERENCES = 300 };

typedef struct {
  const char *name;
  const xent_kernels *kernels;
  double worst;
  float worst_at;
} tier;

static tier tiers[MOST_TIERS];
static int tier_count;
static uint64_t tested, wrong;

static double ulp_of(double v) {
  int exponent;
  frexp(v, &exponent);
  return ldexp(1.0, (exponent - 24 < -149 ? -149 : exponent - 24));
}

static float reference_of(float x) { return fmaf(x, XENT_LOG2E, XENT_ROUND) - XENT_ROUND; }

/* exp(x / temperature) 2^(30 - N), with N ln 2 taken off in two exact steps */
static double truth(float x, float N, double temperature) {
  const double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
  return exp(((double)x / temperature - (double)N * ln2_high) - (double)N * ln2_low) * 0x1p30;
}

static void report(const char *tier_name, float x, float N, float e) {
  if (wrong++ < 20)
    fprintf(stderr, "%s: e(%a; %g) = %a\n", tier_name, (double)x, (double)N, (double)e);
}

static bool same_bits(float a, float b) { return !memcmp(&a, &b, sizeof a) || (a != a && b != b); }

/* How good e is, where it means something. */
static void judge(const float *x, const float *e, int64_t n, float N, double temperature, tier *t) {
  for (int64_t i = 0; i < n; i++) {
    const double exact = truth(x[i], N, temperature), error = fabs((double)e[i] - exact) / ulp_of(exact);
    if (error > t->worst) {
      t->worst = error;
      t->worst_at = x[i];
    }
  }
}

static void run_block(const float *x, int64_t n, float N, double temperature, bool accurate) {
  float e[BLOCK], first[BLOCK];
  for (int k = 0; k < tier_count; k++) {
    tiers[k].kernels->exponential(x, N, temperature, e, n);
    if (k == 0) {
      memcpy(first, e, sizeof first);
      if (accurate) judge(x, e, n, N, temperature, &tiers[0]);
      continue;
    }
    for (int64_t i = 0; i < n; i++)
      if (!same_bits(e[i], first[i])) report(tiers[k].name, x[i], N, e[i]);
    tiers[k].worst = tiers[0].worst; /* the same bits have the same error */
    tiers[k].worst_at = tiers[0].worst_at;
  }
  for (int64_t i = 0; i < n; i++) {
    if (x[i] != x[i] && first[i] == first[i]) report("NaN lost", x[i], N, first[i]);
    const bool below = x[i] < (float)((double)fmaf(N, XENT_LN2_HI, XENT_FLOOR) * temperature);
    if (below && !same_bits(first[i], 0.0f)) report("not +0", x[i], N, first[i]);
  }
  tested += (uint64_t)n;
}

/* Floats bits first, first + step, ... up to last, cut where the reference changes. */
static void run_range(uint32_t first, uint32_t last, uint32_t step, bool own_reference, bool accurate) {
  float x[BLOCK], N = 0;
  int64_t n = 0;
  for (uint64_t u = first; u <= last; u += step) {
    const float v = float_of((uint32_t)u), own = own_reference ? reference_of(v) : 0.0f;
    if (n == BLOCK || (n && own != N)) {
      run_block(x, n, N, 1, accurate);
      n = 0;
    }
    N = own;
    x[n++] = v;
  }
  if (n) run_block(x, n, N, 1, accurate);
}

/* Arguments from 100 below a reference on to half an octave above it. */
static void run_temperature(double temperature) {
  static const float limits[] = {1, 100, 23600};
  random_source random = {7};
  for (int k = 0; k < REFERENCES; k++) {
    const float N = rintf(limits[k % 3] * (float)(2 * random_unit(&random) - 1));
    float x[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
      const double y = (double)N * XENT_LN2 + 0.35 - (i % 4 < 2 ? 100 : 1) * random_unit(&random);
      const double tie = (floor(y * 8 / XENT_LN2) + 0.5) * XENT_LN2 / 8;
      x[i] = (float)((i % 2 ? y : tie) * temperature);
    }
    run_block(x, BLOCK, N, temperature, true);
  }
}

int main(int argc, char **argv) {
  const unsigned long step = argc > 1 ? strtoul(argv[1], NULL, 10) : 31;
  if (step < 1 || step > UINT32_MAX) {
    fprintf(stderr, "usage: exponential_test [STEP], STEP at least 1\n");
    return 2;
  }
  const uint32_t s = (uint32_t)step, limit = 0x46800000u, sign = 0x80000000u; /* 16384 */
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    tiers[tier_count++] = (tier){xent_isa_name(isa), xent_kernels_of(isa), 0, 0};
  run_range(0, limit, s, true, true);
  run_range(sign, sign | limit, s, true, true);
  for (int k = 0; k < tier_count; k++)
    printf("%s: e(x; reference of x), |x| <= 16384: worst error %.3f ulp, at x = %a\n", tiers[k].name,
           tiers[k].worst, (double)tiers[k].worst_at);
  const double worst = tiers[0].worst;
  tiers[0].worst = 0;
  run_range(sign | 1, 0xc2d00000u, s, false, true); /* -104 */
  for (int k = 0; k < tier_count; k++)
    printf("%s: e(x; 0), -104 <= x < 0: worst error %.3f ulp, at x = %a\n", tiers[k].name, tiers[k].worst,
           (double)tiers[k].worst_at);
  const double worst_below = tiers[0].worst;
  static const double temperatures[] = {0x1p-32, 0x1.6a09e667f3bcdp-32, 1e-3, 0.7, 0x1.fffffep-1, 0x1.0000000000001p0,
                                        2, 31.8, 0x1.fffffffffffffp31};
  tiers[0].worst = 0;
  for (size_t k = 0; k < sizeof temperatures / sizeof *temperatures; k++) run_temperature(temperatures[k]);
  const double worst_warm = tiers[0].worst;
  printf("e(x; N) with temperatures: worst error %.3f ulp, at x = %a\n", worst_warm, (double)tiers[0].worst_at);
  run_range(limit + 1, 0x7fffffffu, s, false, false);
  run_range((sign | limit) + 1, UINT32_MAX, s, false, false);
  printf("%" PRIu64 " values tested, %" PRIu64 " wrong or different\n", tested, wrong);
  const double promised = 1.16, promised_warm = 1.3;
  return wrong || worst > promised || worst_below > promised || worst_warm > promised_warm;
}
