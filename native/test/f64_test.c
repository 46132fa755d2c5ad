/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float64 arithmetic: what does not go together with the other one, and accuracy against long double.
 * Usage: f64_test [N [SEED]]   N times the default number of rows
 */
#include "accuracy.h"
#include "calls.h"
#include "rows.h"

static int compared, different;
static random_source source = {4};

static int64_t below(int64_t n) { return random_below(&source, n); }
static double *doubles(int64_t n) { return must_allocate((size_t)n * sizeof(double)); }

/* ---- what does not go together ------------------------------------------------------------------------ */

static void expect_status(const char *what, xent_status got, xent_status wanted, const xent_report *report,
                          int32_t field) {
  compared++;
  if (got == wanted && (!wanted || report->field == field)) return;
  different++;
  fprintf(stderr, "%s: status %d, field %d\n", what, got, report->field);
}

/* States and statistics of one arithmetic are invalid for the other, and so are half floats together with doubles. */
static void test_arithmetics(void) {
  double x[4] = {1, 2, 3, 4}, y[4] = {0.25, 0.25, 0.25, 0.25}, lse;
  const float narrow[4] = {1, 2, 3, 4};
  xent_shape wide = dense_shape_of(1, 4, 1, XENT_I64), plain = wide;
  wide.logits.type = wide.output.type = wide.upstream.type = wide.gradient.type = wide.log_sum_exp.type = XENT_F64;
  const xent_options o = xent_default_options();
  xent_report report = {.size = sizeof report};
  xent_statistics statistics;
  xent_state of_wide, of_plain;
  const int64_t label = 2;
  must(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &wide, &o, 0, 1, 0, 4, NULL),
              ARRAYS(x, &label, NULL, NULL, NULL, NULL, &of_wide)),
       "states");
  must(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &plain, &o, 0, 1, 0, 4, NULL),
              ARRAYS(narrow, &label, NULL, NULL, NULL, NULL, &of_plain)),
       "states");
  expect_status("doubles' states for floats",
                run_at(on_rows(XENT_FUNCTION_FINISH, &plain, &o, 0, 1, &report),
                       ARRAYS(&label, NULL, NULL, NULL, NULL, NULL, NULL, &of_wide, &statistics)),
                XENT_INVALID_ARGUMENT, &report, XENT_FIELD_STATES);
  expect_status("floats' states for doubles",
                run_at(on_rows(XENT_FUNCTION_FINISH, &wide, &o, 0, 1, &report),
                       ARRAYS(&label, NULL, NULL, NULL, NULL, NULL, NULL, &of_plain, &statistics)),
                XENT_INVALID_ARGUMENT, &report, XENT_FIELD_STATES);
  must(run_at(on_rows(XENT_FUNCTION_FINISH, &plain, &o, 0, 1, &report),
              ARRAYS(&label, NULL, NULL, NULL, NULL, NULL, NULL, &of_plain, &statistics)),
       "finish");
  expect_status("floats' statistics for doubles",
                run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &wide, &o, 0, 1, 0, 4, &report),
                       ARRAYS(x, &label, NULL, y, NULL, NULL, NULL, NULL, NULL, &statistics)),
                XENT_INVALID_ARGUMENT, &report, XENT_FIELD_STATISTICS);
  wide.log_sum_exp.type = XENT_BF16;
  expect_status("a bfloat16 beside doubles",
                run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &wide, &o, 0, 1, &report), ARRAYS(x, &lse)), XENT_UNSUPPORTED,
                &report, XENT_FIELD_LOG_SUM_EXP);
  /* a softmax backward has no logits, so the other arrays determine the arithmetic */
  wide.logits.type = XENT_NO_TYPE;
  must(run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, &wide, &o, 0, 1, 0, 4, NULL), ARRAYS(y, x, NULL, &of_wide)),
       "backward states");
  expect_status("doubles' states of a backward",
                run_at(on_rows(XENT_FUNCTION_FINISH, &wide, &o, 0, 1, &report),
                       ARRAYS(NULL, NULL, NULL, NULL, NULL, NULL, NULL, &of_wide, &statistics)),
                XENT_OK, &report, 0);
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &wide, &o, 0, 1, 0, 4, NULL),
              ARRAYS(y, x, y, NULL, NULL, &statistics)),
       "softmax backward");
  compared++;
  if (y[0] != 0.25 * (1 - 2.5) || y[3] != 0.25 * (4 - 2.5))
    different++, fprintf(stderr, "softmax backward from states\n");
}

/* States belong to the label and the options that they were made with; sparse entries are read where the logits are. */
static void test_finish(void) {
  double x[4] = {1, 2, 3, 4}, weights[1] = {1};
  xent_shape s = dense_shape_of(1, 4, 1, XENT_I64), sparse = s;
  s.logits.type = sparse.logits.type = XENT_F64;
  sparse.target_count = 1;
  sparse.targets = (xent_layout){1, 1, 1, XENT_I64, 0}, sparse.target_weights = (xent_layout){1, 1, 1, XENT_F64, 0};
  xent_options o = xent_default_options(), warm = o;
  warm.temperature = 2;
  xent_report report = {.size = sizeof report};
  xent_statistics statistics;
  xent_state state;
  int64_t label = 2, other = 3, far = 7;
  must(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &s, &o, 0, 1, 0, 4, NULL),
              ARRAYS(x, &label, NULL, NULL, NULL, NULL, &state)),
       "states");
  expect_status("another label",
                run_at(on_rows(XENT_FUNCTION_FINISH, &s, &o, 0, 1, &report),
                       ARRAYS(&other, NULL, NULL, NULL, NULL, NULL, NULL, &state, &statistics)),
                XENT_INVALID_ARGUMENT, &report, XENT_FIELD_STATES);
  expect_status("another temperature",
                run_at(on_rows(XENT_FUNCTION_FINISH, &s, &warm, 0, 1, &report),
                       ARRAYS(&label, NULL, NULL, NULL, NULL, NULL, NULL, &state, &statistics)),
                XENT_INVALID_ARGUMENT, &report, XENT_FIELD_STATES);
  expect_status("the same label",
                run_at(on_rows(XENT_FUNCTION_FINISH, &s, &o, 0, 1, &report),
                       ARRAYS(&label, NULL, NULL, NULL, NULL, NULL, NULL, &state, &statistics)),
                XENT_OK, &report, 0);
  must(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &sparse, &o, 0, 1, 0, 4, NULL),
              ARRAYS(x, &label, NULL, weights, NULL, NULL, &state)),
       "sparse states");
  expect_status("sparse entries again",
                run_at(on_rows(XENT_FUNCTION_FINISH, &sparse, &o, 0, 1, &report),
                       ARRAYS(&far, NULL, NULL, NULL, NULL, NULL, NULL, &state, &statistics)),
                XENT_OK, &report, 0);
}

/* ---- accuracy ------------------------------------------------------------------------------------------ */

static double worst_softmax, worst_loss, worst_smooth, worst_gap, worst_label;

static double ulp_of(double v) {
  int exponent;
  frexp(v, &exponent);
  return ldexp(1, exponent - 53);
}

static void measure(int64_t n, double spread, double offset) {
  double *x = doubles(n), *y = doubles(n);
  for (int64_t k = 0; k < n; k++)
    x[k] = offset + spread * (double)random_normal(&source) * (1 + random_unit(&source) * 1e-9);
  int64_t at, label = below(n);
  double max;
  const long double D = distance_of(x, n, &max, &at);
  xent_shape s = dense_shape_of(1, n, 1, XENT_I64);
  s.logits.type = s.output.type = s.losses.type = s.gradient.type = XENT_F64;
  xent_options o = xent_default_options();
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, 1, 0, n, NULL), ARRAYS(x, y)), "softmax");
  for (int64_t k = 0; k < n; k++) {
    const long double exact = expl(((long double)x[k] - (long double)max) - D);
    if (exact > 1e-290L)
      raise_to(&worst_softmax, fabsl((long double)y[k] - exact) / (long double)ulp_of((double)exact));
  }
  for (int i = 0; i < 2; i++, label = at) { /* any label, and the most likely */
    double loss;
    long double others = 0, even = 0;
    for (int64_t k = 0; k < n; k++)
      if (k != label) others += expl((long double)x[k] - (long double)x[label]);
    const long double exact = label == at ? log1pl(others) : D + ((long double)max - (long double)x[label]);
    must(cross_entropy_of(&s, &o, 0, 1, &(cross_entropy_arrays){.logits = x, .targets = &label, .losses = &loss},
                          NULL), "loss");
    if (exact > 1e-290L) raise_to(&worst_loss, fabsl((long double)loss - exact) / exact);
    o.label_smoothing = 0.1;
    must(cross_entropy_of(&s, &o, 0, 1, &(cross_entropy_arrays){.logits = x, .targets = &label, .losses = &loss},
                          NULL), "loss");
    for (int64_t k = 0; k < n; k++) even += (long double)max - (long double)x[k];
    const long double smooth = (1 - (long double)0.1) * exact + (long double)0.1 * (even / (long double)n + D);
    raise_to(&worst_smooth, fabsl((long double)loss - smooth) / smooth);
    o.label_smoothing = 0;
  }
  free(x), free(y);
}

/* The most likely label's loss and gradient, which tend to exp(-gap), if the other class is adjacent, in another chunk,
 * or the sink; down to the limit of normal doubles. */
static void measure_gap(double gap) {
  enum { FAR = XENT_CHUNK + 1 };
  double *x = doubles(FAR), *g = doubles(FAR), sink = -gap, near[2] = {0, -gap}, loss;
  const long double e = expl(-(long double)gap), exact = log1pl(e), slope = e / (1 + e);
  const int64_t label = 0;
  const xent_options o = xent_default_options();
  for (int64_t k = 0; k < FAR; k++) x[k] = k == 0 ? 0 : k == FAR - 1 ? -gap : -INFINITY;
  for (int i = 0; i < 3; i++) {
    const int64_t n = i == 0 ? FAR : i == 1 ? 2 : 1;
    xent_shape s = dense_shape_of(1, n, 1, XENT_I64);
    s.logits.type = s.losses.type = s.gradient.type = XENT_F64;
    s.sink = s.losses;
    must(cross_entropy_of(&s, &o, 0, 1, &(cross_entropy_arrays){.logits = i ? near : x, .targets = &label,
                          .sink = i == 2 ? &sink : NULL, .losses = &loss, .gradient = g}, NULL), "gap");
    raise_to(&worst_gap, fabsl((long double)loss - exact) / exact);
    raise_to(&worst_gap, fabsl((long double)g[0] + slope) / slope);
  }
  free(x), free(g);
}

/* The gradient at a label whose target smoothing has all but taken, of the terms that it is the difference of. */
static void measure_label(int64_t n, double eps, bool others) {
  double *x = doubles(n), *g = doubles(n), max;
  int64_t at;
  for (int64_t k = 0; k < n; k++) x[k] = (double)random_normal(&source);
  const long double D = distance_of(x, n, &max, &at);
  for (int64_t label = 0; label < 4; label++) {
    xent_shape s = dense_shape_of(1, n, 1, XENT_I64);
    s.logits.type = s.losses.type = s.gradient.type = XENT_F64;
    xent_options o = xent_default_options();
    o.label_smoothing = eps, o.smoothing = others;
    must(cross_entropy_of(&s, &o, 0, 1, &(cross_entropy_arrays){.logits = x, .targets = &label, .gradient = g}, NULL),
         "label gradient");
    const long double p = expl(((long double)x[label] - (long double)max) - D), keep = 1 - (long double)eps;
    const long double q = others ? keep : keep + (long double)eps / (long double)n;
    raise_to(&worst_label, fabsl((long double)g[label] - (p - q)) / (p + q));
  }
  free(x), free(g);
}

int main(int argc, char **argv) {
  const long times = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
  if (times < 1) {
    fprintf(stderr, "usage: f64_test [N [SEED]], N at least 1\n");
    return 2;
  }
  if (argc > 2) source.state = strtoull(argv[2], NULL, 10);
  test_arithmetics();
  test_finish();
  for (int i = 0; i < 700; i++) measure_gap(5 + i);
  for (int i = 0; i < 40; i++)
    measure_label(i % 4 ? 100 + below(3000) : 100000, i % 3 ? 1 - ldexp(random_unit(&source), -(int)below(40)) : 1,
                  i & 1);
  for (int64_t i = 0; i < 200 * times; i++)
    measure(i % 50 == 49 ? 1 + below(30000) : 2 + below(i % 3 ? 300 : 8), exp(3 * (double)random_normal(&source)),
            i % 4 ? 0 : 1000 * random_unit(&source));
  printf("softmax: worst error %.2f ulp\nloss of a label: %.2e relative\nloss with smoothing: %.2e relative\n"
         "loss and gradient across a gap: %.2e relative\ngradient at a smoothed label: %.2e of its terms\n",
         worst_softmax, worst_loss, worst_smooth, worst_gap, worst_label);
  printf("%d calls compared, %d differ\n", compared, different);
  return different || worst_softmax > 6 || worst_loss > 1e-15 || worst_smooth > 2e-15 ||
         worst_gap > 1e-15 || worst_label > 2e-15;
}
