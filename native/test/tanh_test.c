/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tanh of every instruction set against tanh in double, and its exact properties: it is odd, 1 from 9.02 on, never
 * above 1, x itself for tiny x, NaN for NaN; all instruction sets agree.
 * Usage: tanh_test [STEP]   every STEP-th float; 1 is all of them
 */
#include <inttypes.h>

#include "calls.h"
#include "cpu/isa.h"
#include "kernels/kernels.h"
#include "rows.h"
#include "tiers.h"

enum { BLOCK = 4096 };

static uint64_t tested, wrong;
static double worst;
static float worst_at;

static void report(const char *what, float x, float t) {
  if (wrong++ < 20) fprintf(stderr, "%s: tanh(%a) = %a\n", what, (double)x, (double)t);
}

static double ulp_of(double v) {
  int exponent;
  frexp(v, &exponent);
  return ldexp(1.0, exponent - 24 < -149 ? -149 : exponent - 24);
}

static bool same_bits(float a, float b) { return !memcmp(&a, &b, sizeof a); }

static void judge(float x, float t, float mirrored) {
  if (x != x) {
    if (t == t) report("NaN lost", x, t);
    return;
  }
  if (!same_bits(t, -mirrored)) report("not odd", x, t);
  if (x >= 9.02f && t != 1) report("not 1", x, t);
  if (x < 0x1p-13f && !same_bits(t, x)) report("not x itself", x, t);
  if (t > 1) report("above 1", x, t);
  const double exact = tanh((double)x), error = x == 0 ? 0 : fabs((double)t - exact) / ulp_of(exact);
  if (error > worst) {
    worst = error;
    worst_at = x;
  }
}

static void run_block(const float *x) {
  static float mirrored[BLOCK], first[BLOCK], other[BLOCK], minus[BLOCK];
  for (int i = 0; i < BLOCK; i++) minus[i] = -x[i];
  xent_kernels_scalar.tanh(x, first, BLOCK);
  xent_kernels_scalar.tanh(minus, mirrored, BLOCK);
  for (int i = 0; i < BLOCK; i++) judge(x[i], first[i], mirrored[i]);
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    xent_kernels_of(isa)->tanh(x, other, BLOCK);
    for (int i = 0; i < BLOCK; i++)
      if (!same_bits(first[i], other[i]) && first[i] == first[i]) report(xent_isa_name(isa), x[i], other[i]);
  }
  tested += BLOCK;
}

int main(int argc, char **argv) {
  const unsigned long step = argc > 1 ? strtoul(argv[1], NULL, 10) : 251;
  if (step < 1 || step > UINT32_MAX) {
    fprintf(stderr, "usage: tanh_test [STEP], STEP at least 1\n");
    return 2;
  }
  static float x[BLOCK];
  for (uint64_t u = 0; u <= INT32_MAX;) {
    for (int i = 0; i < BLOCK; i++, u += step) x[i] = float_of((uint32_t)(u <= INT32_MAX ? u : INT32_MAX));
    run_block(x);
  }
  printf("tanh: worst error %.3f ulp, at %a\n%" PRIu64 " values tested, %" PRIu64 " wrong or different\n", worst,
         (double)worst_at, tested, wrong);
  const double promised = 1.1;
  return wrong || worst > promised;
}
