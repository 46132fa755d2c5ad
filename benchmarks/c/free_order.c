/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the cost of the fixed order of sums: the log-sum-exp of long rows, which is their first pass alone, against
 * the same with sums in any order (free_sum.c). The two alternate. */
#define _POSIX_C_SOURCE 200809L
#include "timing.h"

#include "calls.h"
#include "free_sum.h"
#include "rows.h"
#include "tiers.h"

int bench_free_order(int rounds);

typedef struct {
  const float *x;
  float *results;
  xent_shape shape;
  xent_options options;
} sums_of_rows;

static void in_fixed_order(const void *of) {
  const sums_of_rows *s = of;
  must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &s->shape, &s->options, 0, s->shape.outer, NULL),
              ARRAYS(s->x, s->results)),
       "log-sum-exp");
}

static void in_any_order(const void *of) {
  const sums_of_rows *s = of;
  double (*const sum)(const float *, int64_t) =
      s->options.isa == XENT_ISA_AVX512 ? xent_free_sum_avx512 : xent_free_sum_avx2;
  const int64_t n = s->shape.classes;
  for (int64_t row = 0; row < s->shape.outer; row++) s->results[row] = (float)sum(s->x + row * n, n);
}

static void compare(const float *x, int64_t rows, int64_t classes, int32_t isa, int rounds) {
  float results[2][64];
  sums_of_rows fixed = {x, results[0], dense_shape_of(rows, classes, 1, XENT_I32), xent_default_options()};
  fixed.options.isa = isa;
  sums_of_rows any = fixed;
  any.results = results[1];
  const pair_times t = take_turns((timed){in_fixed_order, &fixed}, (timed){in_any_order, &any}, rounds);
  for (int64_t row = 0; row < rows; row++) {
    if (fabsf(results[0][row] - results[1][row]) <= 1e-4f) continue;
    fprintf(stderr, "row %lld: %g and %g\n", (long long)row, (double)results[0][row], (double)results[1][row]);
    exit(1);
  }
  printf("%4lld x %-7lld %-7s median %.3f, minimum %.3f x the time in any order\n", (long long)rows, (long long)classes,
         xent_isa_name(isa), t.median, t.minima);
}

int bench_free_order(int rounds) {
  static const int64_t shapes[][2] = {{8, 32000}, {64, 128256}};
  const size_t most = (size_t)64 * 128256;
  float *x = must_allocate(most * sizeof(float));
  random_source r = {1};
  fill_row(x, (int64_t)most, 0, &r);
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
      if (isa != XENT_ISA_SCALAR) compare(x, shapes[i][0], shapes[i][1], isa, rounds);
  free(x);
  return 0;
}
