/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-entropy: the calls that its options and outputs reject, and its losses and gradients with labels of every type,
 * smoothing, focus, probability rows, ignored rows and upstream gradients against the formulas in long double. */
#include "formulas.h"
#include "kernels/path_names.h"
#include "small.h"
#include "tiers.h"

/* Sparse targets without weights: memory that a call left on the stack must not affect the next one. */
static void test_weights_that_are_missing(void) {
  const float logits[2] = {1, 2}, floats[1] = {1};
  const double doubles[1] = {1};
  const int32_t class[1] = {0};
  float losses[1];
  for (int before = 0; before < 3; before++) {
    xent_report r = {.size = sizeof r};
    xent_cross_entropy_call c = {.size = sizeof c, .sizes = xent_rows(1, 2), .report = &r,
                                 .logits = {logits, xent_per_class(2, 1, XENT_F32)},
                                 .targets = {class, xent_per_class(1, 1, XENT_I32)},
                                 .losses = {losses, xent_per_row(XENT_F32)}};
    c.target_count = 1;
    if (before == 1) c.target_weights = (xent_input){floats, xent_per_class(1, 1, XENT_F32)};
    if (before == 2) c.target_weights = (xent_input){doubles, xent_per_class(1, 1, XENT_F64)};
    CHECK((xent_cross_entropy(&c) == XENT_OK) == (before == 1));
    c.target_weights = (xent_input){0};
    CHECK(xent_cross_entropy(&c) == XENT_INVALID_ARGUMENT && r.integer == 0);
    CHECK(r.field == XENT_FIELD_TARGET_WEIGHTS);
  }
}

static void test_target_weights(void) {
  reset();
  float losses[ROWS], weights[SIZE] = {0};
  xent_statistics statistics[ROWS];
  xent_state states[ROWS];
  shape.target_weights = layout_of(1, 1, 1, XENT_F32);
  const cross_entropy_arrays a = {.logits = x, .targets = labels, .losses = losses, .statistics = statistics};
  cross_entropy_arrays weighted = a;
  weighted.target_weights = weights;
  CHECK(!cross_entropy_of(&shape, &options, 0, ROWS, &a, &report));
  CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &weighted, &report) == XENT_INVALID_ARGUMENT);
  CHECK(report.field == XENT_FIELD_TARGET_WEIGHTS);
  REFUSES(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, labels, NULL, y, weights, NULL, NULL, NULL, NULL, statistics)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_TARGET_WEIGHTS);
  REFUSES(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, &shape, &options, 0, ROWS, &report), ARRAYS(labels, weights)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_TARGET_WEIGHTS);
  REFUSES(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, labels, NULL, weights, NULL, NULL, states)),
          XENT_INVALID_ARGUMENT, XENT_FIELD_TARGET_WEIGHTS);
}

/* The terms of a loss are clamped if the row is whole; the sums of a part do not contain the terms. */
static void test_clamp_of_probability_rows(void) {
  reset();
  float q[SIZE] = {0}, losses[ROWS];
  xent_state states[ROWS];
  options.probability_clamp = 1e-7;
  shape.targets = shape.logits;
  for (int i = 0; i < SIZE; i++) q[i] = 0.25f;
  const cross_entropy_arrays arrays = {.logits = x, .targets = q, .losses = losses};
  CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &arrays, &report) == XENT_OK);
  REFUSES(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &shape, &options, 0, ROWS, 0, CLASSES, &report),
                 ARRAYS(x, q, NULL, NULL, NULL, NULL, states)),
          XENT_INVALID_OPTION, XENT_FIELD_PROBABILITY_CLAMP);
}

/* A focal loss takes only labels, and no option that changes their losses in another way. */
static void test_focal_loss(void) {
  static const double gammas[] = {-1, -1e-300, 0x1.1p32, INFINITY, NAN};
  for (size_t i = 0; i < sizeof gammas / sizeof *gammas; i++) {
    reset();
    options.focal_gamma = gammas[i];
    REFUSES(run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY, &shape, &options, 0, ROWS, &report),
                   ARRAYS(x, labels, NULL, NULL, NULL, y)),
            XENT_INVALID_OPTION, XENT_FIELD_FOCAL_GAMMA);
  }
  for (int i = 0; i < 3; i++) {
    reset();
    options.focal_gamma = 2;
    *(i == 0 ? &options.label_smoothing : i == 1 ? &options.z_loss : &options.probability_clamp) = 0.25;
    REFUSES(run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY, &shape, &options, 0, ROWS, &report),
                   ARRAYS(x, labels, NULL, NULL, NULL, y)),
            XENT_INVALID_OPTION, XENT_FIELD_FOCAL_GAMMA);
  }
  reset();
  options.focal_gamma = 2;
  shape.targets = shape.logits;
  REFUSES(run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY, &shape, &options, 0, ROWS, &report),
                 ARRAYS(x, x, NULL, NULL, NULL, y)),
          XENT_INVALID_OPTION, XENT_FIELD_FOCAL_GAMMA);
}

/* The entropy of a long probability row and its gradient have the bits of each alone. */
static void test_entropy_beside_a_gradient(int32_t isa) {
  enum { LONG = XENT_CHUNK + 1001 }; /* whose exponentials are not kept */
  static float logits[2 * LONG], targets[2 * LONG], alone[2 * LONG], both[2 * LONG];
  float entropies[2], beside[2];
  reset();
  shape = dense_shape_of(2, LONG, 1, XENT_F32);
  shape.entropies = shape.losses;
  options.isa = isa;
  for (int i = 0; i < 2 * LONG; i++) logits[i] = (float)(i * 7 % 23) / 4, targets[i] = (float)(i * 5 % 11) / LONG;
  cross_entropy_arrays arrays = {.logits = logits, .targets = targets, .entropies = entropies};
  CHECK(!cross_entropy_of(&shape, &options, 0, 2, &arrays, &report) && entropies[0] > 0);
  arrays.gradient = both;
  arrays.entropies = beside;
  CHECK(!cross_entropy_of(&shape, &options, 0, 2, &arrays, &report));
  arrays.gradient = alone;
  arrays.entropies = NULL;
  CHECK(!cross_entropy_of(&shape, &options, 0, 2, &arrays, &report));
  CHECK(!memcmp(both, alone, sizeof alone) && !memcmp(beside, entropies, sizeof entropies));
}

/* Rows in blocks have the same bits for labels of every type as for 64-bit labels; in one of them a row is ignored. */
static void test_label_types(void) {
  enum { MANY = 40, MOST_CLASSES = 300 };
  static const int32_t types[] = {XENT_I64, XENT_I8, XENT_U8, XENT_I16, XENT_U16, XENT_I32, XENT_U32, XENT_U64};
  static const int64_t classes[] = {2, 10, 100, MOST_CLASSES};
  static float logits[MANY * MOST_CLASSES], gradients[2][MANY * MOST_CLASSES], losses[2][MANY];
  static int64_t of_rows[MANY];
  random_source r = {11};
  for (int64_t i = 0; i < MANY * MOST_CLASSES; i++) logits[i] = random_normal(&r);
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (size_t i = 0; i < 8 * sizeof classes / sizeof *classes; i++) {
      const int64_t C = classes[i / 8], most = C < 100 ? C : 100;
      const int which = i % 8 > 0;
      xent_options o = xent_default_options();
      o.isa = isa;
      o.has_ignore_index = 1;
      o.ignore_index = 1;
      const xent_shape s = dense_shape_of(MANY, C, 1, types[i % 8]);
      for (int64_t row = 0; row < MANY; row++)
        put_label(of_rows, types[i % 8], row, row == 20 ? 1 : row * row % most / 2 * 2);
      const cross_entropy_arrays a = {.logits = logits, .targets = of_rows, .losses = losses[which],
                                      .gradient = gradients[which]};
      report = (xent_report){.size = sizeof report};
      CHECK(cross_entropy_of(&s, &o, 0, MANY, &a, &report) == XENT_OK && report.valid_rows == MANY - 1);
      CHECK(!memcmp(losses[which], losses[0], sizeof losses[0]));
      CHECK(!memcmp(gradients[which], gradients[0], (size_t)(MANY * C) * sizeof(float)));
    }
}

/* Probability rows have no labels to ignore or to hit. */
static void test_probability_rows(void) {
  reset();
  uint8_t correct[ROWS];
  float q[SIZE] = {1e10f, 1e-39f, -1e10f, 0, 0};
  shape.targets = shape.logits;
  options.has_ignore_index = 1;
  REFUSES(cross_entropy_of(&shape, &options, 0, ROWS, &(cross_entropy_arrays){.logits = x, .targets = q,
                           .gradient = y}, &report),
          XENT_INVALID_OPTION, XENT_FIELD_IGNORE_INDEX);
  shape.targets = shape.logits;
  REFUSES(cross_entropy_of(&shape, &options, 0, ROWS, &(cross_entropy_arrays){.logits = x, .targets = q,
                           .correct = correct, .gradient = y}, &report),
          XENT_INVALID_ARGUMENT, XENT_FIELD_CORRECT);
  shape.targets = shape.logits;
  memset(x, 0, sizeof x);
  const cross_entropy_arrays arrays = {.logits = x, .targets = q, .gradient = y};
  CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &arrays, &report) == XENT_OK);
  CHECK(y[0] == -1e10f && y[2] == 1e10f); /* targets that cancel: the carried form would overflow */
}

static void test_hits(void) {
  reset();
  enum { WIDE = 20000 };
  static float wide[WIDE];
  int64_t label = 9000;
  uint8_t hit;
  shape = dense_shape_of(1, WIDE, 1, XENT_I64);
  const cross_entropy_arrays arrays = {.logits = wide, .targets = &label, .correct = &hit};
  wide[label] = 5;
  CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == 1);
  wide[label + 1] = 5; /* a tie after it: still the first */
  CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == 1);
  wide[label - 1] = 5; /* before it in the same chunk */
  CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == 0);
  wide[label - 1] = 0;
  wide[3] = 5; /* in an earlier chunk */
  CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == 0);
  label = 3;
  CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == 1);
}

/* A single short row has a separate path. */
static void test_hits_of_one_row(void) {
  reset();
  const float ties[] = {0, 2, -1, 2}, zeros[] = {-0.0f, 0.0f, -1, -0.0f};
  for (int64_t label = 0; label < 4; label++) {
    uint8_t hit, hit_of_zeros;
    shape = dense_shape_of(1, 4, 1, XENT_I64);
    const cross_entropy_arrays arrays = {.logits = ties, .targets = &label, .correct = &hit};
    const cross_entropy_arrays of_zeros = {.logits = zeros, .targets = &label, .correct = &hit_of_zeros};
    CHECK(cross_entropy_of(&shape, &options, 0, 1, &arrays, NULL) == XENT_OK && hit == (label == 1));
    CHECK(cross_entropy_of(&shape, &options, 0, 1, &of_zeros, NULL) == XENT_OK && hit_of_zeros == (label == 0));
  }
}

/* Numbers of classes that a type cannot represent are rejected, and do not wrap. */
static void test_class_numbers(void) {
  static int32_t numbers[1];
  int32_t *const none = NULL;
  for (int i = 0; i < 3; i++)
    for (int over = 0; over < 2; over++) {
      reset();
      int32_t label = 0;
      shape = dense_shape_of(1, (INT64_C(1) << 31) + over, 1, XENT_I32);
      shape.logits = layout_of(0, 0, 0, XENT_F32);
      shape.argmax = shape.ranks = layout_of(1, 0, 1, XENT_I32);
      shape.top_classes = layout_of(1, 1, 1, XENT_I32);
      shape.top_count = 1;
      const xent_status status =
          cross_entropy_of(&shape, &options, 0, 0, &(cross_entropy_arrays){.logits = x, .targets = &label,
                           .argmax = i == 0 ? numbers : none, .ranks = i == 1 ? numbers : none,
                           .top_classes = i == 2 ? numbers : none}, &report);
      CHECK(status == (over ? XENT_UNSUPPORTED : XENT_OK));
      const int32_t fields[] = {XENT_FIELD_ARGMAX, XENT_FIELD_RANKS, XENT_FIELD_TOP_CLASSES};
      CHECK(!over || (report.field == fields[i] && report.integer == XENT_I32));
    }
}

/* Columns that are transposed to rows: those before a label out of range are written, those from it on are not. */
static void test_columns_before_a_wrong_label(void) {
  enum { COLUMNS = 24, WRONG = 21 };
  float logits[2 * COLUMNS], gradient[2 * COLUMNS];
  int32_t own_labels[COLUMNS] = {0}, top[COLUMNS];
  const xent_layout columns = {.outer = 1, .classes = COLUMNS, .type = XENT_F32};
  const xent_layout per_row = {.outer = 1, .classes = COLUMNS, .type = XENT_I32};
  xent_report own_report = {.size = sizeof own_report};
  xent_cross_entropy_call c = {.size = sizeof c, .sizes = xent_rows(COLUMNS, 2), .report = &own_report,
                               .logits = {logits, columns}, .targets = {own_labels, per_row},
                               .top_classes = {top, per_row}, .gradient = {gradient, columns}};
  c.top_count = 1;
  for (int i = 0; i < 2 * COLUMNS; i++) logits[i] = (float)(i % 5), gradient[i] = 7;
  own_labels[WRONG] = 9;
  CHECK(xent_cross_entropy(&c) == XENT_INVALID_LABEL && own_report.row == WRONG);
  int written = 0, left = 0;
  for (int row = 0; row < WRONG; row++) written += gradient[row] != 7 && gradient[COLUMNS + row] != 7;
  for (int row = WRONG; row < COLUMNS; row++) left += gradient[row] == 7 && gradient[COLUMNS + row] == 7;
  CHECK(written == WRONG && left == COLUMNS - WRONG);
}

/* A call without targets that requests outputs of targets. */
static void test_missing_targets(void) {
  for (int i = 0; i < 8; i++) {
    reset();
    float losses[ROWS];
    int64_t ranks[ROWS];
    uint8_t correct[ROWS];
    xent_statistics statistics[ROWS];
    xent_exact_sum exact_sum = xent_empty_exact_sum();
    shape.log_probabilities = shape.losses;
    shape.target_gradient = shape.logits;
    shape.ranks = layout_of(1, 0, 1, XENT_I64);
    cross_entropy_arrays a = {.logits = x, .log_sum_exp = losses};
    CHECK(cross_entropy_of(&shape, &options, 0, ROWS, &a, &report) == XENT_OK);
    a.log_sum_exp = NULL;
    if (i == 0) a.losses = losses;
    if (i == 1) a.gradient = y;
    if (i == 2) a.correct = correct;
    if (i == 3) a.log_probabilities = losses;
    if (i == 4) a.ranks = ranks;
    if (i == 5) a.statistics = statistics;
    if (i == 6) a.exact_sum = &exact_sum;
    if (i == 7) a.target_gradient = y;
    REFUSES(cross_entropy_of(&shape, &options, 0, ROWS, &a, &report), XENT_INVALID_ARGUMENT, XENT_FIELD_TARGETS);
  }
}

/* ---- values against the formulas ---- */

static const double eps_values[] = {0, 0.1, 1};
static float value_logits[VALUE_ROWS * MAX_CLASSES], value_gradient[VALUE_ROWS * MAX_CLASSES];

/* A row's loss and gradient with target distribution q. */
static void expect_row(const char *what, const float *row, const double *q, int64_t n, long double c, double loss,
                       const float *gradient) {
  long double p[MAX_CLASSES], want = 0, mass = 0, size = 1;
  const long double lse = softmax_of(row, n, p);
  for (int64_t i = 0; i < n; i++) {
    mass += q[i];
    size += fabs(q[i]);
    if (q[i] != 0) want += q[i] * (lse - row[i]);
  }
  expect(what, n, loss, want, size + fabsl(want));
  for (int64_t i = 0; i < n; i++)
    expect(what, n, gradient[i], c * (p[i] * mass - q[i]), fabsl(c) * (p[i] * size + fabs(q[i])));
}

static double worst_focal_loss, worst_focal_gradient; /* relative to the bound */

/* Relative to the bound, for a power of m = 1 - p, which has the error of p. */
static void expect_focal(const char *what, int64_t n, double got, long double want, double gamma, long double p,
                         long double base, double *worst) {
  const long double promised = (base + (4.5e-7L * p + 3e-16L) * (long double)gamma) * fabsl(want) + 0x1p-149L;
  const double share = (double)(fabsl((long double)got - want) / promised);
  compared++;
  if (share > *worst) *worst = share;
  if (!(share <= 1) && wrong++ < 20)
    fprintf(stderr, "%s, %lld classes, gamma %g: %.9g instead of %.9Lg\n", what, (long long)n, gamma, got, want);
}

/* Focal losses and gradients of labels keep their relative accuracy, wherever p is. */
static void test_values_of_focal_losses(int64_t n, int32_t isa, double gamma, random_source *r) {
  enum { LABELS = VALUE_ROWS };
  static float in[LABELS * MAX_CLASSES], out[LABELS * MAX_CLASSES];
  float losses[LABELS], weights[MAX_CLASSES];
  int32_t own_labels[LABELS];
  xent_shape s = dense_shape_of(LABELS, n, 1, XENT_I32);
  xent_options o = xent_default_options();
  o.isa = isa;
  o.focal_gamma = gamma;
  o.gradient_scale = 0.75;
  s.class_weights = layout_of(0, 1, 0, XENT_F32);
  for (int64_t i = 0; i < n; i++) weights[i] = 0.5f + (float)random_unit(r);
  for (int64_t i = 0; i < LABELS; i++) {
    own_labels[i] = (int32_t)random_below(r, n);
    for (int64_t k = 0; k < n; k++) in[i * n + k] = 3 * random_normal(r);
    in[i * n + own_labels[i]] += i == 0 ? 0 : i == 1 ? 25 : i == 2 ? -25 : i == 3 ? 8 : 50 / (1 + (float)gamma);
    if (gamma > 10) in[i * n + own_labels[i]] = (float)log((double)n * 80 * random_unit(r) / gamma); /* no power is 0 */
  }
  const bool weighted = random_below(r, 2);
  must(cross_entropy_of(&s, &o, 0, LABELS, &(cross_entropy_arrays){.logits = in, .targets = own_labels,
                        .class_weights = weighted ? weights : NULL, .losses = losses, .gradient = out}, NULL), "focal");
  for (int64_t i = 0; i < LABELS; i++) {
    const float *row = in + i * n;
    long double others = 0, max = -INFINITY;
    for (int64_t k = 0; k < n; k++) max = row[k] > max ? row[k] : max;
    for (int64_t k = 0; k < n; k++) others += k == own_labels[i] ? 0 : expl(row[k] - max);
    const long double own = expl(row[own_labels[i]] - max), sum = others + own, m = others / sum, p = own / sum;
    const long double power = expl(-(long double)gamma * log1pl(own / others)); /* m^gamma */
    const long double L = log1pl(others / own), w = weighted ? weights[own_labels[i]] : 1;
    const long double slope = m == 0 ? 0 : power * (1 + gamma * p * L / m) * w * 0.75L;
    expect_focal("focal loss", n, losses[i], power * L * w, gamma, p, 5e-7L, &worst_focal_loss);
    for (int64_t k = 0; k < n; k++)
      expect_focal("focal gradient", n, out[i * n + k],
                   slope * (k == own_labels[i] ? -m : expl(row[k] - max) / sum), gamma, p, 2e-6L,
                   &worst_focal_gradient);
  }
}

static void test_values_of_labels(int64_t n, int32_t isa, int32_t type, double eps, random_source *r) {
  int64_t storage[VALUE_ROWS], label[VALUE_ROWS];
  float losses[VALUE_ROWS], upstream[VALUE_ROWS], again[VALUE_ROWS * MAX_CLASSES];
  xent_statistics statistics[VALUE_ROWS];
  xent_shape s = dense_shape_of(VALUE_ROWS, n, 1, type);
  xent_options o = xent_default_options();
  o.isa = isa;
  o.label_smoothing = eps;
  o.gradient_scale = -1.5;
  o.has_ignore_index = 1;
  o.ignore_index = type == XENT_U8 ? 255 : -1; /* the same byte: signs must be read */
  for (int64_t i = 0; i < VALUE_ROWS; i++) {
    label[i] = i == 2 ? o.ignore_index : random_below(r, n < 127 ? n : 127);
    put_label(storage, type, i, label[i]);
    upstream[i] = random_normal(r);
  }
  const cross_entropy_arrays arrays = {.logits = value_logits, .targets = storage, .losses = losses,
                                       .gradient = value_gradient, .statistics = statistics};
  must(cross_entropy_of(&s, &o, 0, VALUE_ROWS, &arrays, NULL), "labels");
  s.upstream = s.losses;
  must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &s, &o, 0, VALUE_ROWS, 0, n, NULL),
              ARRAYS(value_logits, storage, upstream, again, NULL, NULL, NULL, NULL, NULL, statistics)),
       "backward");
  for (int64_t i = 0; i < VALUE_ROWS; i++) {
    double q[MAX_CLASSES] = {0};
    for (int64_t k = 0; k < n && i != 2; k++) q[k] = (k == label[i]) * (1 - eps) + eps / (double)n;
    if (i != 2) expect_row("labels", value_logits + i * n, q, n, -1.5L, losses[i], value_gradient + i * n);
    if (i != 2) expect_row("upstream", value_logits + i * n, q, n, -1.5L * upstream[i], losses[i], again + i * n);
    for (int64_t k = 0; k < n && i == 2; k++) expect("ignored", n, fabs(value_gradient[i * n + k]) + losses[i], 0, 0);
  }
}

static void test_values_of_probability_rows(int64_t n, int32_t isa, double eps, random_source *r) {
  static float q[VALUE_ROWS * MAX_CLASSES];
  float losses[VALUE_ROWS];
  const xent_shape s = dense_shape_of(VALUE_ROWS, n, 1, XENT_F32);
  xent_options o = xent_default_options();
  o.isa = isa;
  o.label_smoothing = eps;
  for (int64_t i = 0; i < VALUE_ROWS * n; i++) q[i] = i % 3 ? random_normal(r) : 0;
  const float kept = value_logits[0];
  if (eps == 0) value_logits[0] = -INFINITY; /* where q is 0: adds nothing */
  const cross_entropy_arrays arrays = {.logits = value_logits, .targets = q, .losses = losses,
                                       .gradient = value_gradient};
  must(cross_entropy_of(&s, &o, 0, VALUE_ROWS, &arrays, NULL), "probabilities");
  for (int64_t i = 0; i < VALUE_ROWS; i++) {
    double smoothed[MAX_CLASSES];
    for (int64_t k = 0; k < n; k++) smoothed[k] = (1 - eps) * (double)q[i * n + k] + eps / (double)n;
    if (n > 1 || eps != 0 || i > 0)
      expect_row("probabilities", value_logits + i * n, smoothed, n, 1, losses[i], value_gradient + i * n);
  }
  value_logits[0] = kept;
}

static void test_values(int32_t isa, random_source *r) {
  for (size_t c = 0; c < sizeof class_counts / sizeof *class_counts; c++) {
    const int64_t n = class_counts[c];
    fill_row(value_logits, VALUE_ROWS * n, 0, r);
    for (int times = 0; times < 20; times++)
      test_values_of_focal_losses(n, isa, times < 7 ? 0.5 : times < 14 ? 2 : 5, r);
    for (int times = 0; times < 20; times++) test_values_of_focal_losses(n, isa, ldexp(1, 4 + times * 28 / 19), r);
    for (size_t e = 0; e < sizeof eps_values / sizeof *eps_values; e++) {
      for (int32_t type = XENT_I8; type <= XENT_I64; type++) test_values_of_labels(n, isa, type, eps_values[e], r);
      test_values_of_probability_rows(n, isa, eps_values[e], r);
    }
  }
}

/* The call of one line has the bits of the struct, also in place. */
static void test_matrix_of_floats(void) {
  reset();
  float losses[ROWS], gradient[SIZE], own_losses[ROWS], own_gradient[SIZE];
  CHECK(!loss(losses, gradient));
  CHECK(!xent_cross_entropy_f32(x, labels, ROWS, CLASSES, own_losses, own_gradient));
  CHECK(!memcmp(losses, own_losses, sizeof losses) && !memcmp(gradient, own_gradient, sizeof gradient));
  own_losses[0] = own_gradient[0] = 77;
  CHECK(!xent_cross_entropy_f32(x, labels, ROWS, CLASSES, own_losses, NULL) && own_losses[0] == losses[0]);
  CHECK(!xent_cross_entropy_f32(x, labels, ROWS, CLASSES, NULL, own_gradient) && own_gradient[0] == gradient[0]);
  labels[ROWS - 1] = CLASSES;
  CHECK(xent_cross_entropy_f32(x, labels, ROWS, CLASSES, own_losses, NULL) == XENT_INVALID_LABEL);
  labels[ROWS - 1] = 0;
  CHECK(!xent_cross_entropy_f32(x, labels, ROWS, CLASSES, NULL, x));
  CHECK(x[0] == gradient[0]);
}

/* A call of one row has its own path, with class weights, too: its bits are those of the same row among others. */
static void test_one_row_with_class_weights(int32_t isa) {
  enum { MOST = 130, TWO = 2 };
  static const float special[] = {0, -0.0f, 1, 2.5f, 1e-30f, 0x1p-149f, 3.4e38f, INFINITY, NAN, -1};
  static const double scales[] = {1, -3, 0, 0.1, 1e-42, 1e300, 5e-324, -0.0};
  random_source r = {21};
  for (int i = 0; i < 6000; i++) {
    const int64_t C = 2 + random_below(&r, MOST - 1);
    float logits[TWO * MOST], losses[2][TWO], gradients[2][TWO * MOST], weights[MOST];
    int32_t classes[TWO];
    for (int64_t k = 0; k < TWO * C; k++) logits[k] = (float)(60 * random_unit(&r) - 30);
    if (i % 5 == 0) logits[random_below(&r, TWO * C)] = i % 2 ? -INFINITY : 1e30f;
    for (int64_t k = 0; k < C; k++) weights[k] = (float)random_unit(&r);
    for (int k = 0; k < TWO; k++) {
      classes[k] = (int32_t)random_below(&r, C);
      if (i % 3) weights[classes[k]] = special[random_below(&r, sizeof special / sizeof *special)];
    }
    reset();
    options.isa = isa;
    options.gradient_scale = scales[random_below(&r, sizeof scales / sizeof *scales)];
    xent_shape s = dense_shape_of(TWO, C, 1, XENT_I32);
    s.class_weights = layout_of(0, 1, 0, XENT_F32);
    const bool gradient = i % 2, loss = !gradient || i % 4 == 1;
    xent_exact_sum sums[2] = {xent_empty_exact_sum(), xent_empty_exact_sum()};
    for (int way = 0; way < 2; way++)
      for (int row = 0; row < (way ? TWO : 1); row++) {
        const cross_entropy_arrays a = {.logits = logits, .targets = classes, .losses = loss ? losses[way] : NULL,
                                        .gradient = gradient ? gradients[way] : NULL,
                                        .class_weights = weights,
                                        .exact_sum = loss ? &sums[way] : NULL};
        CHECK(cross_entropy_of(&s, &options, row, way ? row + 1 : TWO, &a, &report) == XENT_OK);
        CHECK(way == 0 || C > 128 || report.path == XENT_PATH_EACH);
      }
    CHECK(!loss || !memcmp(losses[0], losses[1], sizeof losses[0]));
    CHECK(!gradient || !memcmp(gradients[0], gradients[1], (size_t)(TWO * C) * sizeof(float)));
    const double one = xent_exact_sum_value(&sums[0]), other = xent_exact_sum_value(&sums[1]);
    CHECK(!loss || one == other || (isnan(one) && isnan(other)));
  }
}

int main(void) {
  test_matrix_of_floats();
  test_weights_that_are_missing();
  test_target_weights();
  test_clamp_of_probability_rows();
  test_focal_loss();
  test_label_types();
  test_probability_rows();
  test_hits();
  test_hits_of_one_row();
  test_class_numbers();
  test_columns_before_a_wrong_label();
  test_missing_targets();
  random_source r = {99};
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    test_entropy_beside_a_gradient(isa);
    test_values(isa, &r);
    test_one_row_with_class_weights(isa);
  }
  printf("focal loss and gradient: %.2f and %.2f of what is promised\n", worst_focal_loss, worst_focal_gradient);
  const int wrong_values = all_values();
  return all_checks() || wrong_values;
}
