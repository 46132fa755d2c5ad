/* SPDX-License-Identifier: Apache-2.0 */
/* Log-probabilities of selected classes: accuracy against long double, and invalid calls. */
#include "calls.h"
#include "rows.h"

enum { MOST_COUNT = 24 };

static int compared, differing;
static random_source source = {1};

static bool chance(double p) { return random_unit(&source) < p; }
static int64_t below(int64_t n) { return random_below(&source, n); }

/* ---- accuracy ---- */

static double worst_value[2], worst_gradient[2]; /* relative to the bound, in float32 and float64 */

static void raise(double *worst, long double error, long double promised) {
  const double share = error == 0 ? 0 : (double)(error / promised);
  if (!(share <= *worst)) *worst = share;
}

/* Rows in which one class may have nearly all mass, with k selected classes. */
static void measure_row(bool wide, int64_t n, int64_t count) {
  enum { MOST = 600 };
  float x[MOST], g[MOST_COUNT], lp[MOST_COUNT], dx[MOST];
  double X[MOST], G[MOST_COUNT], LP[MOST_COUNT], DX[MOST];
  int64_t classes[MOST_COUNT];
  long double p[MOST], t[MOST] = {0}, mass = 0, total = 0, most = -1e9L;
  const float top = 30 * (float)random_unit(&source) * (chance(0.5) ? 1 : 0);
  for (int64_t k = 0; k < n; k++) X[k] = (double)(x[k] = 3 * random_normal(&source));
  X[n / 2] = (double)(x[n / 2] = 10 + top);
  classes[0] = n / 2;
  for (int64_t j = 1; j < count; j++) classes[j] = below(n);
  for (int64_t j = 0; j < count; j++) {
    G[j] = (double)(g[j] = random_normal(&source));
    t[classes[j]] += (long double)g[j];
    mass += fabsl((long double)g[j]);
  }
  for (int64_t k = 0; k < n; k++) most = fmaxl(most, (long double)X[k]);
  for (int64_t k = 0; k < n; k++) total += p[k] = expl((long double)X[k] - most);
  const int32_t type = wide ? XENT_F64 : XENT_F32;
  const xent_shape s = {.outer = 1, .classes = n, .inner = 1, .target_count = count,
                        .logits = xent_per_class(n, 1, type), .gradient = xent_per_class(n, 1, type),
                        .targets = xent_per_class(count, 1, XENT_I64), .upstream = xent_per_class(count, 1, type),
                        .log_probabilities = xent_per_class(count, 1, type)};
  const xent_options o = xent_default_options();
  must(run_at(
           on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, &s, &o, 0, 1, NULL),
           ARRAYS(wide ? (void *)X : x, classes, wide ? (void *)LP : lp, wide ? (void *)DX : dx, wide ? (void *)G : g)),
       "selected");
  long double sum = 0;
  for (int64_t j = 0; j < count; j++) sum += (long double)g[j];
  for (int64_t j = 0; j < count; j++) {
    long double others = 0;
    for (int64_t k = 0; k < n; k++) others += k == classes[j] ? 0 : p[k];
    const long double exact = -log1pl(others / p[classes[j]]);
    const long double got = wide ? (long double)LP[j] : (long double)lp[j];
    raise(&worst_value[wide], fabsl(got - exact), -exact * (wide ? 1e-15L : 5e-7L));
  }
  for (int64_t k = 0; k < n; k++) {
    long double others = 0; /* 1 - p without cancellation */
    for (int64_t i = 0; i < n; i++) others += i == k ? 0 : p[i];
    const long double exact = t[k] * (others / total) - (sum - t[k]) * (p[k] / total);
    const long double got = wide ? (long double)DX[k] : (long double)dx[k];
    const long double of_terms = (p[k] / total * mass + fabsl(t[k])) * (wide ? 2e-15L : 9e-7L);
    const long double of_label = fabsl(exact) * (wide ? 1e-15L : 5e-7L);
    raise(&worst_gradient[wide], fabsl(got - exact), count == 1 && k == classes[0] ? of_label : of_terms);
  }
}

/* One instruction set is enough, because all return the same bits. */
static void measure(void) {
  for (int i = 0; i < 400; i++) measure_row(i % 2, 2 + below(500), 1 + below(5));
  for (int wide = 0; wide < 2; wide++)
    if (!(worst_value[wide] <= 1) || !(worst_gradient[wide] <= 1)) differing++;
  printf("of what is promised, float32: %.2f of log-probabilities, %.2f of gradients; float64: %.2f, %.2f\n",
         worst_value[0], worst_gradient[0], worst_value[1], worst_gradient[1]);
}

/* ---- invalid calls ---- */

static void expect(xent_status got, xent_status status, const xent_report *r, int32_t field, const char *what) {
  compared++;
  if (got == status && (status == XENT_OK || r->field == field)) return;
  differing++;
  fprintf(stderr, "%s: status %d, field %s\n", what, got, xent_field_name(r->field));
}

static void refuse(void) {
  float x[12] = {0}, g[4] = {1, 1, 1, 1}, lp[4], dx[12];
  int64_t classes[4] = {0, 2, 1, 1};
  xent_statistics statistics[2], later[2];
  const xent_shape good = {.outer = 2, .classes = 6, .inner = 1, .target_count = 2,
                           .logits = xent_per_class(6, 1, XENT_F32), .gradient = xent_per_class(6, 1, XENT_F32),
                           .targets = xent_per_class(2, 1, XENT_I64), .upstream = xent_per_class(2, 1, XENT_F32),
                           .log_probabilities = xent_per_class(2, 1, XENT_F32)};
  xent_report r = {.size = sizeof r};
  xent_options o = xent_default_options();
  xent_shape s = good;
#define FORWARD(lp_, dx_) \
  run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, &s, &o, 0, 2, &r), \
         ARRAYS(x, classes, lp_, dx_, g, NULL, NULL, NULL, statistics))
  expect(FORWARD(lp, dx), XENT_OK, &r, 0, "a good call");
  expect(FORWARD(lp, x), XENT_OK, &r, 0, "in place");
  expect(FORWARD(x, dx), XENT_OVERLAP, &r, XENT_FIELD_LOG_PROBABILITIES, "results over the logits");
  classes[3] = 6;
  expect(FORWARD(lp, dx), XENT_INVALID_LABEL, &r, XENT_FIELD_TARGETS, "a class that is not there");
  if (r.row != 1 || r.label != 6) differing++;
  classes[3] = -1;
  expect(FORWARD(lp, dx), XENT_INVALID_LABEL, &r, XENT_FIELD_TARGETS, "a negative class");
  classes[3] = 1;
  s.targets.type = XENT_F32;
  expect(FORWARD(lp, dx), XENT_UNSUPPORTED, &r, XENT_FIELD_TARGETS, "classes that are floats");
  s = good, s.target_count = 257;
  expect(FORWARD(lp, dx), XENT_UNSUPPORTED, &r, XENT_FIELD_TARGET_COUNT, "too many classes");
  s = good;
  const struct { xent_options o; int32_t field; } foreign[] = {
      {{.label_smoothing = 0.1}, XENT_FIELD_LABEL_SMOOTHING}, {{.smoothing = 1}, XENT_FIELD_SMOOTHING},
      {{.z_loss = 1}, XENT_FIELD_Z_LOSS}, {{.probability_clamp = 0.1}, XENT_FIELD_PROBABILITY_CLAMP}};
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
    o = foreign[i].o, o.size = sizeof o;
    expect(FORWARD(lp, dx), XENT_UNSUPPORTED, &r, foreign[i].field, "a foreign option");
  }
  o = xent_default_options();
#define BACKWARD(statistics_) \
  run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES_BACKWARD, &s, &o, 0, 2, &r), \
         ARRAYS(x, classes, dx, g, NULL, NULL, statistics_))
  expect(FORWARD(lp, NULL), XENT_OK, &r, 0, "no gradient");
  expect(BACKWARD(statistics), XENT_OK, &r, 0, "a good backward");
  expect(BACKWARD(NULL), XENT_INVALID_ARGUMENT, &r, XENT_FIELD_STATISTICS, "no statistics");
  o.temperature = 2;
  expect(BACKWARD(statistics), XENT_INVALID_ARGUMENT, &r, XENT_FIELD_STATISTICS, "statistics of another temperature");
  o.temperature = 0;
  memset(later, 0, sizeof later);
  expect(BACKWARD(later), XENT_INVALID_ARGUMENT, &r, XENT_FIELD_STATISTICS, "statistics of nothing");
  expect(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &s, &o, 0, 2, &r), ARRAYS(classes)), XENT_OK, &r, 0,
         "classes without weights are checked");
  if (r.valid_rows != 2) differing++;
}

/* A U64 that no int64_t can represent is out of range for every ignore index. */
static void refuse_unsigned(void) {
  const float x[6] = {0};
  float losses[2];
  const uint64_t labels[2] = {2, UINT64_MAX - 99}; /* the bits of -100 */
  xent_shape s = dense_shape_of(2, 3, 1, XENT_U64);
  xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
  o.has_ignore_index = 1, o.ignore_index = -100;
  expect(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &s, &o, 0, 2, &r), ARRAYS(labels)), XENT_INVALID_LABEL, &r,
         XENT_FIELD_TARGETS, "a label of 2^64 - 100");
  if (r.row != 1 || (uint64_t)r.label != labels[1]) differing++;
  const cross_entropy_arrays a = {.logits = x, .targets = labels, .losses = losses};
  expect(cross_entropy_of(&s, &o, 0, 2, &a, &r), XENT_INVALID_LABEL, &r, XENT_FIELD_TARGETS, "the same in a loss");
  expect(cross_entropy_of(&s, &o, 0, 1, &a, &r), XENT_OK, &r, 0, "a label of U64");
  const uint16_t narrow[2] = {65436, 1}; /* the bits of -100 */
  s.targets.type = XENT_U16;
  expect(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &s, &o, 0, 2, &r), ARRAYS(narrow)), XENT_INVALID_LABEL, &r,
         XENT_FIELD_TARGETS, "a label of 65436");
  o.ignore_index = 65436;
  expect(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &s, &o, 0, 2, &r), ARRAYS(narrow)), XENT_OK, &r, 0,
         "an ignore index of 65436");
  if (r.valid_rows != 1) differing++;
  s.targets = xent_per_class(3, 1, XENT_U64);
  o.ignore_index = -100;
  const uint64_t flags[3] = {0, 1, UINT64_MAX - 99};
  expect(run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &s, &o, 0, 1, &r), ARRAYS(x, flags)), XENT_INVALID_LABEL,
         &r, XENT_FIELD_TARGETS, "a binary label of 2^64 - 100");
  const uint64_t prompt[4] = {UINT64_MAX, 2}; /* the bits of -1; not a valid token */
  int32_t token[2]; /* of both rows, though one is computed */
  uint64_t room[512];
  const xent_options plain = xent_default_options();
  const xent_sampling greedy = {.size = sizeof greedy, .greedy = 1};
  s.prompt_tokens = xent_per_class(2, 1, XENT_U64), s.prompt_count = 2;
  s.tokens = xent_per_row(XENT_I32);
  expect(run_at((function_call){.function = XENT_FUNCTION_SAMPLE,
                            .shape = &s,
                            .options = &plain,
                            .sampling = &greedy,
                            .report = &r,
                            .row_begin = 0,
                            .row_end = 1,
                            .workspace_size = sizeof room},
                ARRAYS(x, token, NULL, NULL, prompt, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, room)),
         XENT_INVALID_LABEL, &r, XENT_FIELD_PROMPT_TOKENS, "a prompt token of 2^64 - 1");
}

int main(void) {
  measure();
  refuse();
  refuse_unsigned();
  printf("%d calls compared, %d differ\n", compared, differing);
  return differing != 0;
}
