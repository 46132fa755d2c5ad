/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of bad_rows.h against long double, with every instruction set: each as it is, as the longer row in which it
 * meets the same additions, at the end of a row of two chunks, and with temperatures. Prints the error of each result
 * relative to the bound in conformance/bounds.md; above 1 the bound is broken.
 * Usage: bad_rows_test
 */
#include <float.h>

#include "bad_rows.h"
#include "calls.h"
#include "rows.h"
#include "tiers.h"

enum { MOST_CLASSES = XENT_CHUNK + 200, FAR_BELOW = -200, NO_MORE_LABELS = 16 };
enum { SOFTMAX, SOFTMAX_ULP, LOG_SOFTMAX, LOG_SUM_EXP, LOSS, GRADIENT, LABEL_GRADIENT, RESULTS };
static const char *const names[RESULTS] = {"softmax", "softmax in ulp", "log-softmax", "log-sum-exp", "loss",
                                           "gradient", "gradient of the label"};
static double worst[RESULTS];
static int64_t compared, broken;

typedef struct {
  const char *what;
  const bad_row *from;
  int64_t n;
  double temperature, scale;
  float x[MOST_CLASSES];
  long double e[MOST_CLASSES]; /* exp((x - max) / temperature) */
  long double max, sum;
} row;

static double ulp(long double v) {
  int k;
  frexpl(v, &k);
  return ldexp(1, k - 24);
}

static void check(const row *r, int result, double got, long double exact, long double promised) {
  const double share = (double)(fabsl((long double)got - exact) / promised);
  compared++;
  if (!(share <= worst[result])) worst[result] = share;
  if (!(share <= 1) && broken++ < 20)
    fprintf(stderr, "%s, %s of %d classes%s, temperature %g: %a is %.3f of the promise away from %La\n", names[result],
            r->from->searched_for, r->from->classes, r->what, r->temperature, got, share, exact);
}

static void prepare(row *r) {
  const long double tau = r->temperature != 0 ? (long double)r->temperature : 1;
  long double max = -INFINITY;
  r->sum = 0;
  for (int64_t i = 0; i < r->n; i++)
    if ((long double)r->x[i] > max) max = (long double)r->x[i];
  for (int64_t i = 0; i < r->n; i++) {
    r->e[i] = expl(((long double)r->x[i] - max) / tau);
    r->sum += r->e[i];
  }
  r->max = max / tau;
}

static void check_label(const row *r, const xent_shape *s, const xent_options *o, int64_t y, float *gradient) {
  float loss, lse;
  must(cross_entropy_of(s, o, 0, 1, &(cross_entropy_arrays){.logits = r->x, .targets = &y, .losses = &loss,
                        .log_sum_exp = &lse, .gradient = gradient}, NULL),
       "cross-entropy");
  const long double c = (long double)r->scale / (r->temperature != 0 ? (long double)r->temperature : 1);
  long double others = 0;
  for (int64_t i = 0; i < r->n; i++)
    if (i != y) others += r->e[i];
  const long double exact = log1pl(others / r->e[y]), log_sum = r->max + logl(r->sum);
  check(r, LOSS, (double)loss, exact, 5e-7L * exact);
  check(r, LOG_SUM_EXP, (double)lse, log_sum, 1.5L * (2e-7L + (long double)ulp(log_sum)));
  check(r, LABEL_GRADIENT, (double)gradient[y], -others / r->sum * c, 5e-7L * others / r->sum * c);
  for (int64_t i = 0; i < r->n; i++)
    if (i != y && r->e[i] > 0x1p-100L)
      check(r, GRADIENT, (double)gradient[i], r->e[i] / r->sum * c, 5.5e-7L * r->e[i] / r->sum * c);
}

static void check_row(row *r, int32_t isa, float *y) {
  const xent_shape s = dense_shape(1, r->n, 1);
  xent_options o = xent_default_options();
  o.isa = isa;
  o.temperature = r->temperature;
  o.gradient_scale = r->scale;
  prepare(r);
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, 1, 0, r->n, NULL), ARRAYS(r->x, y)), "softmax");
  for (int64_t i = 0; i < r->n; i++) {
    const long double p = r->e[i] / r->sum;
    if (p < 0x1p-126L) continue;
    check(r, SOFTMAX, (double)y[i], p, 5.5e-7L * p);
    check(r, SOFTMAX_ULP, (double)y[i], p, 8.5L * (long double)ulp(p));
  }
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &s, &o, 0, 1, 0, r->n, NULL), ARRAYS(r->x, y)), "log-softmax");
  for (int64_t i = 0; i < r->n; i++) {
    const long double gap = logl(r->e[i]), exact = gap - logl(r->sum);
    if (r->e[i] == 0) continue;
    const double unit = ulp(fmaxl(1, -exact));
    check(r, LOG_SOFTMAX, (double)y[i], exact, (r->temperature != 0 ? 5.5L : 4) * (long double)unit);
  }
  int64_t labels = 0;
  for (int64_t i = 0; i < r->n; i++)
    if (r->e[i] > 0x1p-100L && (r->n <= 200 || labels++ < NO_MORE_LABELS)) check_label(r, &s, &o, i, y);
}

/* The row, far below everything else of a row of n classes; its class i is class at[i]. */
static void place(row *r, const bad_row *from, int64_t n, const int64_t *at, const char *what) {
  const float tau = r->temperature != 0 ? (float)r->temperature : 1;
  for (int64_t i = 0; i < n; i++) r->x[i] = FAR_BELOW * tau;
  for (int64_t i = 0; i < from->classes; i++) r->x[at ? at[i] : i] = from->logits[i] * tau;
  r->from = from;
  r->n = n;
  r->scale = from->scale;
  r->what = what;
}

int main(void) {
  static row r;
  static float y[MOST_CLASSES];
  /* In at most 16 classes lanes j, j + 2 … j + 14 meet in float. Here the same classes meet in float in lane j, as the
   * eight of a group do. */
  static const int64_t slots[16] = {0, 0, 4, 4, 2, 2, 6, 6, 1, 1, 5, 5, 3, 3, 7, 7};
  static const double temperatures[] = {0, 0x1.3p-32, 0.7, 3, 31.8, 0x1.fp31};
  int64_t spread[16], at_the_end[128];
  for (int64_t i = 0; i < 16; i++) spread[i] = slots[i] * 16 + i % 2;
  for (int64_t i = 0; i < 128; i++) at_the_end[i] = XENT_CHUNK + i;
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (size_t k = 0; k < sizeof bad_rows / sizeof *bad_rows; k++)
      for (size_t t = 0; t < sizeof temperatures / sizeof *temperatures; t++) {
        const bad_row *from = &bad_rows[k];
        r.temperature = temperatures[t];
        place(&r, from, from->classes, NULL, "");
        check_row(&r, isa, y);
        place(&r, from, 200, NULL, " as the first of 200");
        check_row(&r, isa, y);
        place(&r, from, XENT_CHUNK + from->classes, at_the_end, " behind a chunk");
        check_row(&r, isa, y);
        if (from->classes > 16) continue;
        for (int64_t n = 128; n <= 200; n += 72) {
          place(&r, from, n, spread, " spread over 128");
          check_row(&r, isa, y);
        }
      }
  for (int i = 0; i < RESULTS; i++) printf("%-22s %.3f of the promise\n", names[i], worst[i]);
  printf("%lld values compared, %lld beyond the promise\n", (long long)compared, (long long)broken);
  return broken != 0;
}
