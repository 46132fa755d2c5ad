/* SPDX-License-Identifier: Apache-2.0 */
/* Log-sum-exp next to 0 and of rows with infinities, in rows and in columns, whole, in parts and as a result of
 * cross-entropy: the bits of the contract program, and the digits that docs/performance.md promises. */
#include <float.h>
#include <math.h>

#include "calls.h"
#include "check.h"
#include "contract/f64.h"
#include "contract/general_row.h"
#include "numerics/halves.h"
#include "rows.h"
#include "tiers.h"

enum { MOST = 17000, ALONG = 21 }; /* ALONG: rows, or columns side by side */

typedef struct {
  bool wide, columns, has_sink, masked;
  int64_t n;
  double temperature, x[ALONG][MOST], sink[ALONG];
  uint8_t mask[ALONG][MOST];
  double expected[ALONG];
  long double want[ALONG], allowed[ALONG];
} problem;

static problem p;
static union {
  float narrow[ALONG * MOST];
  double wide[ALONG * MOST];
} logits, sinks, sums;
static uint8_t masks[ALONG * MOST];
static long double worst[2]; /* narrow, wide */

/* ---- what it should be ---- */

static double expected_wide(int64_t row) {
  static double numbers[3][MOST];
  f64_answer a = {.softmax = numbers[0], .log_softmax = numbers[1], .gradient = numbers[2]};
  const f64_problem q = {.classes = p.n, .x = p.x[row], .mask = p.masked ? p.mask[row] : NULL,
                         .has_sink = p.has_sink, .sink = p.sink[row], .temperature = p.temperature};
  f64_contract_row(&q, &a);
  return a.log_sum_exp;
}
static double expected_narrow(int64_t row) {
  static float x[MOST], numbers[6][MOST];
  static int64_t top[MOST];
  for (int64_t k = 0; k < p.n; k++) x[k] = (float)p.x[row][k];
  const general_input in = {.n = p.n, .logits = x, .mask = p.masked ? p.mask[row] : NULL, .has_sink = p.has_sink,
                            .sink = (float)p.sink[row], .temperature = p.temperature, .row_weight = 1};
  general_output out = {.softmax = numbers[0], .log_softmax = numbers[1], .gradient = numbers[2],
                        .target_gradient = numbers[3], .top_values = numbers[4], .scratch = numbers[5], .top = top};
  contract_general_row(&in, &out);
  return (double)out.softmax_lse;
}

/* The promise, of rows that are next to 0. */
static void find_promise(int64_t row) {
  const long double tau = p.temperature != 0 ? (long double)p.temperature : 1, unit = p.wide ? 0x1p-53L : 0x1p-24L;
  long double max = p.has_sink ? (long double)p.sink[row] : -INFINITY, others = 0;
  int64_t largest = -1;
  for (int64_t k = 0; k < p.n; k++) {
    if (p.masked && !p.mask[row][k]) continue;
    const long double v = (long double)p.x[row][k] / tau;
    if (v > max) max = v, largest = k;
  }
  for (int64_t k = 0; k < p.n; k++)
    if (k != largest && !(p.masked && !p.mask[row][k])) others += expl((long double)p.x[row][k] / tau - max);
  if (p.has_sink && largest >= 0) others += expl((long double)p.sink[row] - max);
  const long double D = log1pl(others), want = max + D, size = fabsl(max) + D;
  const long double absolute = p.wide ? 1e-15L : 3.1e-7L, relative = (p.wide ? 6e-15L : 2.5e-6L) * size;
  long double allowed = (relative < absolute ? relative : absolute) + 3 * unit * fabsl(want);
  allowed += (p.wide ? 0x1p-1050L : 0x1p-134L) * (long double)p.n; /* of faint terms */
  allowed += 2 * (p.wide ? (long double)DBL_TRUE_MIN : (long double)FLT_TRUE_MIN);
  if (p.has_sink && tau != 1) allowed += unit * fabsl((long double)p.sink[row]);
  p.want[row] = isfinite(max) && !isnan(others) ? want : (long double)NAN; /* NAN: nothing is promised */
  p.allowed[row] = allowed;
}
static void check_digits(int64_t row, double got) {
  if (isnan(p.want[row]) || isnan(got)) return;
  const long double error = fabsl((long double)got - p.want[row]) / p.allowed[row];
  CHECK(error <= 1);
  if (error > worst[p.wide]) worst[p.wide] = error;
}

/* ---- the calls ---- */

static void put_numbers(void *to, int64_t at, double v) {
  if (p.wide)
    ((double *)to)[at] = v;
  else
    ((float *)to)[at] = (float)v;
}
static void check_results(const char *what) {
  for (int64_t row = 0; row < ALONG; row++) {
    const double got = p.wide ? sums.wide[row] : (double)sums.narrow[row];
    const bool same = memcmp(&got, &p.expected[row], sizeof got) == 0;
    CHECK(same || (isnan(got) && isnan(p.expected[row])));
    if (!same && !isnan(got))
      fprintf(stderr, "%s, %d, %lld classes, row %lld: %a is not %a\n", what, p.wide, (long long)p.n, (long long)row,
              got, p.expected[row]);
    check_digits(row, got);
  }
  memset(&sums, 0x55, ALONG * sizeof *sums.wide);
}

static void run_states(const xent_sizes *sizes, const xent_options *o, xent_input x, xent_input mask, xent_input sink,
                       xent_output results) {
  const int64_t chunks = xent_chunks(p.n), middle = chunks / 2 * XENT_CHUNK;
  xent_state *states = calloc((size_t)(ALONG * chunks), sizeof *states);
  xent_statistics *statistics = calloc(ALONG, sizeof *statistics);
  CHECK(states && statistics);
  xent_report report = {.size = sizeof report};
  for (int round = 0; round < 2 && (round == 0 || report.unfinished); round++) {
    for (int part = middle ? 0 : 1; part < 2; part++) {
      const xent_range classes = part ? (xent_range){middle, p.n} : (xent_range){0, middle};
      const xent_forward_states_call call = {
          .size = sizeof call, .sizes = *sizes, .classes = &classes, .options = o, .logits = x, .class_mask = mask,
          .statistics = round ? statistics : NULL, .states = states};
      CHECK(!xent_forward_states(&call));
    }
    const xent_finish_call finish = {.size = sizeof finish, .sizes = *sizes, .options = o, .report = &report,
                                     .logits_type = x.layout.type, .second_round = round, .sink = sink,
                                     .log_sum_exp = results, .states = states, .statistics = statistics};
    CHECK(!xent_finish(&finish));
  }
  free(states), free(statistics);
}

static void run(int32_t isa) {
  const int32_t type = p.wide ? XENT_F64 : XENT_F32;
  const int64_t outer = p.columns ? 1 : ALONG, inner = p.columns ? ALONG : 1;
  const xent_sizes sizes = {.outer = outer, .classes = p.n, .inner = inner};
  const xent_layout full = xent_per_class(p.n, inner, type), row = xent_per_inner(inner, type);
  xent_layout of_mask = full;
  of_mask.type = XENT_U8;
  xent_options o = xent_default_options();
  o.isa = isa;
  o.temperature = p.temperature;
  for (int64_t r = 0; r < ALONG; r++) {
    put_numbers(&sinks, r, p.sink[r]);
    for (int64_t k = 0; k < p.n; k++) {
      const int64_t at = p.columns ? k * ALONG + r : r * p.n + k;
      put_numbers(&logits, at, p.x[r][k]);
      masks[at] = p.mask[r][k];
    }
  }
  const xent_input x = {&logits, full}, mask = {p.masked ? masks : NULL, of_mask},
                   sink = {p.has_sink ? &sinks : NULL, row};
  const xent_output results = {&sums, row};
  const xent_log_sum_exp_call call = {.size = sizeof call, .sizes = sizes, .options = &o, .logits = x,
                                      .log_sum_exp = results, .class_mask = mask, .sink = sink};
  CHECK(!xent_log_sum_exp(&call));
  check_results("whole");
  const xent_cross_entropy_call free_of_targets = {.size = sizeof free_of_targets, .sizes = sizes, .options = &o,
                                                   .logits = x, .log_sum_exp = results, .class_mask = mask,
                                                   .sink = sink};
  CHECK(!xent_cross_entropy(&free_of_targets));
  check_results("cross-entropy");
  run_states(&sizes, &o, x, mask, sink, results);
  check_results("in parts");
}

/* ---- rows ---- */

/* About 0: the others so far below the largest that they come to very little; or an infinity, or a NaN. */
static void fill(int64_t row, random_source *r) {
  const double tau = p.temperature != 0 ? p.temperature : 1;
  static const double largest[] = {0, -0.0, 1e-3, -0.05, 0.1, 0.124, -0.124, 0.1251, 1e-30, 3};
  const double max = largest[random_below(r, 10)], unit = random_unit(r), depth = (p.wide ? 700 : 100) * unit * unit;
  for (int64_t k = 0; k < p.n; k++) {
    p.x[row][k] = (double)(float)(tau * (max - 1 - log((double)p.n) - depth - random_unit(r)));
    p.mask[row][k] = random_below(r, 8) > 0;
  }
  p.x[row][random_below(r, p.n)] = (double)(float)(tau * max);
  if (random_below(r, 4) == 0) p.x[row][random_below(r, p.n)] = (double)(float)(tau * max); /* two are the largest */
  p.sink[row] = (double)(float)(random_below(r, 3) ? max - depth : max + 0.01 * unit);
  const int64_t odd = random_below(r, 16), at = random_below(r, p.n), other = random_below(r, p.n);
  const double beyond = (double)(float)(3e4 * exp(60 * random_unit(r))); /* the reach of the exponential */
  if (odd < 3) p.x[row][at] = INFINITY;
  if (odd > 0 && odd < 4) p.x[row][other] = beyond;
  if (odd == 1) p.x[row][other > 0 ? other - 1 : p.n - 1] = NAN;
  if (odd == 2) p.sink[row] = (double)(float)(3e4 * exp(78 * random_unit(r)));
  if (odd == 4) p.sink[row] = INFINITY;
  if (odd == 5) p.sink[row] = NAN;
  if (odd == 6) p.x[row][at] = -INFINITY;
  if (odd == 7) p.x[row][at] = NAN;
}

/* Results of a row next to 0 are the same with log_sum_exp and without it, which reads such a row again. */
typedef struct {
  int64_t argmax, top[3];
  float entropy, values[3];
} other_results;

static void test_other_results(int32_t isa) {
  static const int64_t counts[] = {3, 100, 1024, 1025, 2000, 5000, 8191, 8192, 8193};
  static const int32_t types[] = {XENT_F32, XENT_F16, XENT_BF16};
  static uint16_t halves[2 * MOST];
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
    for (int what = 0; what < 24; what++) {
      const int64_t n = counts[c], step = what & 1 ? 2 : 1;
      const int32_t type = types[what / 8];
      const bool masked = what & 2, has_sink = what & 4;
      for (int64_t k = 0; k < n; k++) { /* 0, -1, -2 ... down to -99, in all three types */
        const int64_t below = k < 99 ? k : 99;
        logits.narrow[k * step] = (float)-below;
        halves[k * step] = type == XENT_F16 ? narrow_f16((float)-below) : narrow_bf16((float)-below);
        masks[k] = k % 7 != 6;
      }
      const void *x = type == XENT_F32 ? (const void *)logits.narrow : halves;
      const float sink = -3;
      xent_options o = xent_default_options();
      o.isa = isa;
      other_results got[2];
      float sum = 0;
      memset(got, 0, sizeof got);
      for (int i = 0; i < 2; i++) {
        xent_cross_entropy_call call = {
            .size = sizeof call, .sizes = xent_rows(1, n), .options = &o,
            .logits = {x, layout_of(n * step, step, 1, type)},
            .log_sum_exp = {i ? &sum : NULL, xent_per_row(XENT_F32)},
            .class_mask = {masked ? masks : NULL, layout_of(n, 1, 1, XENT_U8)},
            .sink = {has_sink ? &sink : NULL, xent_per_row(XENT_F32)},
            .argmax = {&got[i].argmax, xent_per_row(XENT_I64)},
            .entropies = {&got[i].entropy, xent_per_row(XENT_F32)},
            .top_classes = {got[i].top, layout_of(3, 1, 1, XENT_I64)},
            .top_log_probabilities = {got[i].values, layout_of(3, 1, 1, XENT_F32)}};
        call.top_count = 3;
        CHECK(xent_cross_entropy(&call) == XENT_OK);
      }
      CHECK(memcmp(&got[0], &got[1], sizeof got[0]) == 0);
      CHECK(got[1].argmax == 0 && got[1].top[0] == 0 && got[1].top[1] == 1 && got[1].top[2] == 2);
    }
}

int main(void) {
  static const int64_t counts[] = {1, 2, 3, 9, 16, 17, 40, 100, 129, 300, 1025, 8192, 8193, MOST};
  random_source r = {20};
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
    for (int what = 0; what < (counts[c] > 1000 ? 8 : 40); what++) {
      p.n = counts[c];
      p.wide = what & 1, p.columns = what & 2, p.has_sink = what & 4, p.masked = random_below(&r, 2);
      p.temperature = random_below(&r, 3) ? 0 : 0.25 + random_unit(&r);
      for (int64_t row = 0; row < ALONG; row++) fill(row, &r);
      for (int64_t row = 0; row < ALONG; row++) {
        p.expected[row] = p.wide ? expected_wide(row) : expected_narrow(row);
        find_promise(row);
      }
      for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) run(isa);
    }
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) test_other_results(isa);
  printf("worst error: %.3Lf of the promise, in double %.3Lf\n", worst[0], worst[1]);
  return all_checks();
}
