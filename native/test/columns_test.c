/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns against rows: the same rows with the class axis last, with the scalar instruction set (which bits_test
 * compares with the contract), and with the class axis anywhere else, with every instruction set. Every output,
 * statistic, sum and count must have the same bits: any class count, any inner length, adjacent rows of every kind,
 * ignored labels, padded strides, in place, row ranges that begin and end anywhere. Also rows whose results are in
 * another order, and any mixture of types, options and arrays. Usage: columns_test [STEP]   every STEP-th class count;
 * 1 by default
 */
#include "arrays.h"
#include "tiers.h"

/* Floats of a page. Columns whose classes are whole pages apart have a separate path. */
enum { PAGE = 1024 };

/* All results of the operations for the rows of one tensor; full arrays are rows x classes, dense. */
typedef struct {
  float *softmax, *log_softmax, *gradient, *later_gradient, *softmax_backward, *log_softmax_backward;
  float *lse, *losses, *loss_lse;
  uint8_t *correct;
  xent_statistics *statistics;
  xent_exact_sum exact_sum;
  int64_t counted;
} results;

typedef struct {
  int64_t outer, classes, inner, rows;
  float *x, *g, *upstream;
  int32_t *labels;
  xent_options options;
} problem;

/* The layout of the rows: one for tensors, one for arrays per row, and their first index in these arrays. */
typedef struct {
  xent_layout full, row;
  int64_t offset, size, row_size;
  bool in_place;
  int64_t cuts[4]; /* of the row range */
} place;

static int64_t compared, differing;

static void *grow(void *p, size_t bytes) {
  free(p);
  return must_allocate(bytes);
}

static void allocate(results *r, int64_t rows, int64_t classes) {
  float **full[] = {&r->softmax, &r->log_softmax, &r->gradient, &r->later_gradient, &r->softmax_backward,
                    &r->log_softmax_backward};
  float **row[] = {&r->lse, &r->losses, &r->loss_lse};
  for (size_t i = 0; i < sizeof full / sizeof *full; i++) *full[i] = grow(*full[i], (size_t)(rows * classes) * 4);
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) *row[i] = grow(*row[i], (size_t)rows * 4);
  r->correct = grow(r->correct, (size_t)rows);
  r->statistics = grow(r->statistics, (size_t)rows * sizeof *r->statistics);
}

static int64_t element(const problem *p, const place *at, int64_t row, int64_t class) {
  return at->offset + row / p->inner * at->full.outer + row % p->inner * at->full.inner + class * at->full.classes;
}
static int64_t row_element(const problem *p, const place *at, int64_t row) {
  return row / p->inner * at->row.outer + row % p->inner * at->row.inner;
}

static void spread(const problem *p, const place *at, const float *dense, float *to) {
  for (int64_t r = 0; r < p->rows; r++)
    for (int64_t c = 0; c < p->classes; c++) to[element(p, at, r, c)] = dense[r * p->classes + c];
}
static void collect(const problem *p, const place *at, const float *from, float *dense) {
  for (int64_t r = 0; r < p->rows; r++)
    for (int64_t c = 0; c < p->classes; c++) dense[r * p->classes + c] = from[element(p, at, r, c)];
}
static void collect_rows(const problem *p, const place *at, const float *from, float *dense) {
  for (int64_t r = 0; r < p->rows; r++) dense[r] = from[row_element(p, at, r)];
}

static xent_shape shape_at(const problem *p, const place *at) {
  xent_shape s = dense_shape_of(p->outer, p->classes, p->inner, XENT_I32);
  s.logits = s.output = s.gradient = s.upstream = at->full;
  s.losses = s.log_sum_exp = at->row;
  s.targets = at->row;
  s.targets.type = XENT_I32;
  s.correct = at->row;
  s.correct.type = XENT_U8;
  return s;
}

static float *x, *y, *z, *per_row, *per_row_lse, *per_row_upstream;
static int32_t *labels;
static uint8_t *correct;

static void run_softmax(const problem *p, const place *at, const xent_options *o, results *r) {
  const xent_shape s = shape_at(p, at);
  float *in = x + at->offset, *out = (at->in_place ? x : y) + at->offset, *g = z + at->offset;
  const int64_t n = p->classes;
  for (int log = 0; log < 2; log++) {
    spread(p, at, p->x, x);
    for (int k = 0; k < 3; k++)
      must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX : XENT_FUNCTION_SOFTMAX, &s, o, at->cuts[k],
                             at->cuts[k + 1], 0, n, NULL),
                  ARRAYS(in, out)),
           "forward");
    collect(p, at, at->in_place ? x : y, log ? r->log_softmax : r->softmax);
    spread(p, at, p->g, z);
    float *dx = at->in_place ? out : g;
    for (int k = 0; k < 3; k++)
      must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX_BACKWARD : XENT_FUNCTION_SOFTMAX_BACKWARD, &s, o,
                             at->cuts[k], at->cuts[k + 1], 0, n, NULL),
                  ARRAYS(out, g, dx)),
           "backward");
    collect(p, at, dx - at->offset, log ? r->log_softmax_backward : r->softmax_backward);
  }
  spread(p, at, p->x, x);
  for (int k = 0; k < 3; k++)
    must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &s, o, at->cuts[k], at->cuts[k + 1], NULL), ARRAYS(in, per_row_lse)),
         "log-sum-exp");
  collect_rows(p, at, per_row_lse, r->lse);
}

static void run_cross_entropy(const problem *p, const place *at, const xent_options *o, results *r) {
  xent_shape s = shape_at(p, at);
  float *in = x + at->offset, *out = (at->in_place ? x : y) + at->offset;
  r->exact_sum = xent_empty_exact_sum();
  r->counted = 0;
  memset(r->statistics, 0, (size_t)p->rows * sizeof *r->statistics);
  for (int64_t i = 0; i < p->rows; i++) {
    labels[row_element(p, at, i)] = p->labels[i];
    per_row_upstream[row_element(p, at, i)] = p->upstream[i];
  }
  for (int with_gradient = 0; with_gradient < 2; with_gradient++) {
    spread(p, at, p->x, x);
    for (int k = 0; k < 3; k++) {
      xent_report report = {.size = sizeof report};
      const cross_entropy_arrays a = {.logits = in, .targets = labels, .losses = per_row,
                                           .log_sum_exp = per_row_lse, .correct = correct,
                                           .gradient = with_gradient ? out : NULL,
                                           .statistics = r->statistics,
                                               .exact_sum = with_gradient ? NULL : &r->exact_sum};
      must(cross_entropy_of(&s, o, at->cuts[k], at->cuts[k + 1], &a, &report), "cross-entropy");
      r->counted += report.valid_rows;
    }
    if (with_gradient) collect(p, at, at->in_place ? x : y, r->gradient);
  }
  collect_rows(p, at, per_row, r->losses);
  collect_rows(p, at, per_row_lse, r->loss_lse);
  for (int64_t i = 0; i < p->rows; i++) r->correct[i] = correct[row_element(p, at, i)];
  spread(p, at, p->x, x);
  s.upstream = s.losses;
  for (int k = 0; k < 3; k++)
    must(run_at(
             on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &s, o, at->cuts[k], at->cuts[k + 1], 0, p->classes, NULL),
             ARRAYS(in, labels, per_row_upstream, out, NULL, NULL, NULL, NULL, NULL, r->statistics)),
         "cross-entropy backward");
  collect(p, at, at->in_place ? x : y, r->later_gradient);
}

static void compare(const problem *p, const char *tier, const char *what, const void *got, const void *want,
                    int64_t words) {
  compared += words;
  for (int64_t i = 0; i < words; i++) {
    uint32_t a, b;
    memcpy(&a, (const char *)got + 4 * i, 4);
    memcpy(&b, (const char *)want + 4 * i, 4);
    if (a != b && differing++ < 20)
      fprintf(stderr, "%s %s of [%lld, %lld, %lld]: word %lld is %08x instead of %08x\n", tier, what,
              (long long)p->outer, (long long)p->classes, (long long)p->inner, (long long)i, a, b);
  }
}

static void compare_all(const problem *p, const char *tier, const results *got, const results *want) {
  const int64_t full = p->rows * p->classes, rows = p->rows;
  compare(p, tier, "softmax", got->softmax, want->softmax, full);
  compare(p, tier, "log-softmax", got->log_softmax, want->log_softmax, full);
  compare(p, tier, "softmax backward", got->softmax_backward, want->softmax_backward, full);
  compare(p, tier, "log-softmax backward", got->log_softmax_backward, want->log_softmax_backward, full);
  compare(p, tier, "log-sum-exp", got->lse, want->lse, rows);
  compare(p, tier, "loss", got->losses, want->losses, rows);
  compare(p, tier, "cross-entropy log-sum-exp", got->loss_lse, want->loss_lse, rows);
  compare(p, tier, "gradient", got->gradient, want->gradient, full);
  compare(p, tier, "later gradient", got->later_gradient, want->later_gradient, full);
  compare(p, tier, "statistics", got->statistics, want->statistics, rows * (int64_t)sizeof *got->statistics / 4);
  compare(p, tier, "exact_sum", &got->exact_sum, &want->exact_sum, sizeof got->exact_sum / 4);
  compare(p, tier, "valid_rows", &got->counted, &want->counted, 2);
  compared += rows;
  for (int64_t i = 0; i < rows; i++)
    if (got->correct[i] != want->correct[i] && differing++ < 20)
      fprintf(stderr, "%s of [%lld, %lld, %lld]: hit %lld is %d\n", tier, (long long)p->outer, (long long)p->classes,
              (long long)p->inner, (long long)i, got->correct[i]);
}

static place rows_in_order(const problem *p) {
  return (place){.full = layout_of(p->classes * p->inner, 1, p->classes, XENT_F32),
                 .row = layout_of(p->inner, 0, 1, XENT_F32),
                 .cuts = {0, p->rows, p->rows, p->rows}};
}

/* The class axis last, and what is per row with its outer axis last. */
static place rows_across(const problem *p) {
  place at = rows_in_order(p);
  at.row = layout_of(1, 0, p->outer, XENT_F32);
  return at;
}

/* Class axis in the middle, with up to 17 unused elements between classes. */
static place columns_somewhere(const problem *p, random_source *r) {
  const int64_t pad = random_below(r, 3) ? 0 : random_below(r, 18), step = p->inner + pad;
  place at = {.full = layout_of(p->classes * step, step, 1, XENT_F32),
              .row = layout_of(p->inner, 0, 1, XENT_F32),
              .offset = random_below(r, 17),
              .in_place = random_below(r, 2)};
  if (random_below(r, 4) == 0) at.row = layout_of(2 * p->inner, 0, 2, XENT_F32);
  if (p->inner == 1) at.full = layout_of(1, p->outer + pad, 7, XENT_F32); /* [classes, rows] */
  for (int k = 1; k < 3; k++) at.cuts[k] = random_below(r, 3) ? random_below(r, p->rows + 1) : 0;
  if (at.cuts[2] < at.cuts[1]) at.cuts[2] = at.cuts[1];
  at.cuts[3] = p->rows;
  return at;
}

/* Mostly ordinary rows, with every kind of row among them; labels with runs of ignored ones, correct among them. */
static void fill(problem *p, random_source *r) {
  const int64_t n = p->classes, rows = p->rows;
  static const double scales[] = {1, -0.25, 1e-3, 1e30, 1e-38, -0.0};
  const bool mixed = random_below(r, 2), ignoring = random_below(r, 2);
  p->options = xent_default_options();
  p->options.gradient_scale = scales[random_below(r, (int64_t)(sizeof scales / sizeof *scales))];
  p->options.label_smoothing = random_below(r, 4) ? 0 : 0.125;
  p->options.fully_masked = (int32_t)random_below(r, 2);
  p->options.has_ignore_index = ignoring;
  p->options.ignore_index = random_below(r, 2) ? -100 : 0;
  bool ignored = false;
  for (int64_t i = 0; i < rows; i++) {
    float *row = p->x + i * n;
    fill_row(row, n, mixed && random_below(r, 6) == 0 ? (int)random_below(r, ROW_KINDS) : (int)(i % 3), r);
    fill_row(p->g + i * n, n, random_below(r, 40) ? 0 : (int)random_below(r, ROW_KINDS), r);
    for (int64_t c = 0; c < n && i % 19 == 7; c++) p->g[i * n + c] = -0.0f; /* no sum is -0 */
    p->upstream[i] = random_below(r, 30) ? random_normal(r) : 0;
    int64_t label = random_below(r, n);
    for (int64_t c = 0; c < n && random_below(r, 2); c++)
      if (row[c] > row[label]) label = c;
    if (random_below(r, 8) == 0) ignored = !ignored;
    p->labels[i] = (int32_t)(ignoring && ignored ? p->options.ignore_index : label);
  }
}

static void test_shape(int64_t outer, int64_t classes, int64_t inner, random_source *r) {
  static problem p;
  static results want, got;
  const int64_t rows = outer * inner, room = outer * classes * (inner + 32) + 32 + classes * (outer + 32);
  float **full[] = {&x, &y, &z, &p.x, &p.g}, **row[] = {&per_row, &per_row_lse, &per_row_upstream, &p.upstream};
  for (size_t i = 0; i < sizeof full / sizeof *full; i++) *full[i] = grow(*full[i], (size_t)room * 4);
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) *row[i] = grow(*row[i], (size_t)rows * 8);
  labels = grow(labels, (size_t)rows * 8);
  p.labels = grow(p.labels, (size_t)rows * 4);
  correct = grow(correct, (size_t)rows * 2);
  p.outer = outer, p.classes = classes, p.inner = inner, p.rows = rows;
  allocate(&want, rows, classes);
  allocate(&got, rows, classes);
  fill(&p, r);
  xent_options o = p.options;
  o.isa = XENT_ISA_SCALAR;
  const place straight = rows_in_order(&p);
  run_softmax(&p, &straight, &o, &want);
  run_cross_entropy(&p, &straight, &o, &want);
  for (o.isa = next_tier(XENT_ISA_BEST); o.isa; o.isa = next_tier(o.isa)) {
    const place at = columns_somewhere(&p, r);
    run_softmax(&p, &at, &o, &got);
    run_cross_entropy(&p, &at, &o, &got);
    compare_all(&p, xent_isa_name(o.isa), &got, &want);
    if (random_below(r, 4)) continue;
    const place across = rows_across(&p);
    run_softmax(&p, &across, &o, &got);
    run_cross_entropy(&p, &across, &o, &got);
    compare_all(&p, xent_isa_name(o.isa), &got, &want);
  }
}

/* ---- types, options and arrays ---- */

enum { WITH_WEIGHTS = 1, WITH_ROW_WEIGHTS = 2, WITH_SINK = 4, WITH_GRADIENT = 8, WITH_UPSTREAM = 16 };

typedef struct {
  int64_t outer, classes, inner;
  unsigned with;
  int32_t in, out, row; /* types of logits, of outputs, of what is per row */
  xent_options options;
  float *x, *g, *weights, *row_weights, *sink, *upstream; /* x and g: rows x classes */
  int32_t *labels;
} mixture;

static void *typed(const float *v, int64_t n, int32_t type) {
  void *to = must_allocate((size_t)n * 4);
  for (int64_t i = 0; i < n; i++) {
    if (type == XENT_F32) ((float *)to)[i] = v[i];
    if (type == XENT_F16) ((uint16_t *)to)[i] = narrow_f16(v[i]);
    if (type == XENT_BF16) ((uint16_t *)to)[i] = narrow_bf16(v[i]);
  }
  return to;
}
/* n rows of numbers in the order of rows to or from that of columns. */
static void turn(const mixture *m, bool back, const float *from, float *to) {
  for (int64_t o = 0, row = 0; o < m->outer; o++)
    for (int64_t i = 0; i < m->inner; i++, row++)
      for (int64_t c = 0; c < m->classes; c++) {
        const int64_t straight = row * m->classes + c, across = (o * m->classes + c) * m->inner + i;
        to[back ? straight : across] = from[back ? across : straight];
      }
}
static void widen_full(const mixture *m, const void *from, bool across, float *to) {
  const int64_t n = m->outer * m->classes * m->inner;
  float *wide = must_allocate((size_t)n * 4);
  const array a = {.data = (unsigned char *)(uintptr_t)from, .layout = {.type = m->out}};
  for (int64_t i = 0; i < n; i++) wide[i] = (float)get_number(&a, i);
  if (across)
    turn(m, true, wide, to);
  else
    memcpy(to, wide, (size_t)n * 4);
  free(wide);
}

/* Writes all results to `found`, which has 6 n + 32 rows floats; returns their number. */
static int64_t run_mixture(const mixture *m, bool across, int32_t isa, float *found) {
  const int64_t rows = m->outer * m->inner, n = rows * m->classes;
  xent_options o = m->options;
  o.isa = isa;
  xent_shape s = dense_shape_of(m->outer, m->classes, m->inner, XENT_I32);
  const xent_layout full = across ? layout_of(m->classes * m->inner, m->inner, 1, m->in)
                                  : layout_of(m->classes * m->inner, 1, m->classes, m->in);
  s.logits = s.output = s.gradient = s.upstream = full;
  s.output.type = s.gradient.type = m->out;
  s.losses.type = s.log_sum_exp.type = m->row;
  s.row_weights = s.sink = s.log_probabilities = s.losses;
  s.row_weights.type = s.sink.type = XENT_F32;
  s.class_weights = layout_of(0, 1, 0, XENT_F32);
  float *turned = must_allocate((size_t)n * 4), *at = found;
  if (across) turn(m, false, m->x, turned);
  void *logits = typed(across ? turned : m->x, n, m->in);
  if (across) turn(m, false, m->g, turned);
  void *g = typed(across ? turned : m->g, n, m->in), *out = must_allocate((size_t)n * 4),
       *dx = must_allocate((size_t)n * 4);
  const float *sink = m->with & WITH_SINK ? m->sink : NULL,
              *row_weights = m->with & WITH_ROW_WEIGHTS ? m->row_weights : NULL;
  const float *weights = m->with & WITH_WEIGHTS ? m->weights : NULL;
  xent_options plain = xent_default_options(); /* of what has no targets */
  plain.isa = isa;
  plain.temperature = o.temperature;
  plain.fully_masked = o.fully_masked;
  for (int log = 0; log < 2; log++, at += 2 * n) {
    must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX : XENT_FUNCTION_SOFTMAX, &s, &plain, 0, rows, 0, m->classes,
                           NULL),
                ARRAYS(logits, out, NULL, sink)),
         "forward");
    must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX_BACKWARD : XENT_FUNCTION_SOFTMAX_BACKWARD, &s, &plain, 0,
                           rows, 0, m->classes, NULL),
                ARRAYS(out, g, dx)),
         "backward");
    widen_full(m, out, across, at);
    widen_full(m, dx, across, at + n);
  }
  must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &s, &plain, 0, rows, NULL), ARRAYS(logits, at, NULL, sink)),
       "log-sum-exp");
  at += rows;
  xent_statistics *statistics = must_allocate((size_t)rows * sizeof *statistics);
  xent_exact_sum exact_sum = xent_empty_exact_sum();
  const cross_entropy_arrays a = {.logits = logits,
                                  .targets = m->labels,
                                  .class_weights = weights,
                                  .row_weights = row_weights,
                                  .sink = sink,
                                  .losses = at,
                                  .log_sum_exp = at + rows,
                                  .log_probabilities = at + 2 * rows,
                                  .correct = at + 3 * rows,
                                  .gradient = m->with & WITH_GRADIENT ? dx : NULL,
                                  .statistics = statistics,
                                  .exact_sum = &exact_sum};
  must(cross_entropy_of(&s, &o, 0, rows, &a, NULL), "cross-entropy");
  at += 4 * rows;
  memcpy(at, &exact_sum, sizeof exact_sum);
  at += sizeof exact_sum / 4;
  memcpy(at, statistics, (size_t)rows * sizeof *statistics);
  at += rows * (int64_t)(sizeof *statistics / 4);
  if (a.gradient) widen_full(m, dx, across, at);
  s.upstream = s.losses;
  s.upstream.type = XENT_F32;
  must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &s, &o, 0, rows, 0, m->classes, NULL),
              ARRAYS(logits, m->labels, m->with & WITH_UPSTREAM ? m->upstream : NULL, dx, NULL, NULL, weights,
                     row_weights, NULL, statistics)),
       "cross-entropy backward");
  widen_full(m, dx, across, at + n);
  void *done[] = {turned, logits, g, out, dx, statistics};
  for (size_t i = 0; i < sizeof done / sizeof *done; i++) free(done[i]);
  return at + 2 * n - found;
}

static void test_mixture(int64_t outer, int64_t classes, int64_t inner, random_source *r) {
  static const int32_t types[] = {XENT_F32, XENT_F16, XENT_BF16};
  static const double temperatures[] = {0, 0, 0.5, 1.7, 30, 1e-3};
  const int64_t rows = outer * inner, n = rows * classes;
  mixture m = {.outer = outer,
               .classes = classes,
               .inner = inner,
               .with = (unsigned)random_below(r, 32),
               .options = xent_default_options()};
  m.in = types[random_below(r, 3)], m.out = types[random_below(r, 3)];
  m.row = XENT_F32;
  m.options.temperature = temperatures[random_below(r, 6)];
  m.options.label_smoothing = random_below(r, 2) ? 0 : random_unit(r);
  m.options.smoothing = (int32_t)random_below(r, 2);
  m.options.z_loss = random_below(r, 2) ? 0 : 1e-3;
  m.options.probability_clamp = m.options.label_smoothing > 0 || random_below(r, 3) ? 0 : 1e-4;
  const bool focal = m.options.label_smoothing == 0 && m.options.z_loss == 0 && m.options.probability_clamp == 0;
  m.options.focal_gamma = focal && random_below(r, 2) ? 2 : 0;
  m.options.fully_masked = (int32_t)random_below(r, 2);
  m.options.has_ignore_index = (int32_t)random_below(r, 2);
  m.options.ignore_index = -1;
  float **full[] = {&m.x, &m.g}, **row[] = {&m.row_weights, &m.sink, &m.upstream};
  for (int i = 0; i < 2; i++) *full[i] = must_allocate((size_t)n * 4);
  for (int i = 0; i < 3; i++) {
    *row[i] = must_allocate((size_t)rows * 4);
    for (int64_t k = 0; k < rows; k++) (*row[i])[k] = random_below(r, 9) ? fabsf(random_normal(r)) : 0;
  }
  m.weights = must_allocate((size_t)classes * 4);
  for (int64_t k = 0; k < classes; k++) m.weights[k] = random_below(r, 9) ? (float)random_unit(r) : 0;
  m.labels = must_allocate((size_t)rows * 4);
  const bool mixed = random_below(r, 2);
  for (int64_t k = 0; k < rows; k++) {
    fill_row(m.x + k * classes, classes,
             mixed && random_below(r, 6) == 0 ? (int)random_below(r, ROW_KINDS) : (int)(k % 3), r);
    fill_row(m.g + k * classes, classes, 0, r);
    m.labels[k] = m.options.has_ignore_index && random_below(r, 4) == 0 ? -1 : (int32_t)random_below(r, classes);
  }
  const size_t room = (size_t)(6 * n + 64 * rows) * 4 + sizeof(xent_exact_sum);
  float *want = must_allocate(room), *got = must_allocate(room);
  memset(want, 0, room);
  memset(got, 0, room);
  const problem p = {.outer = outer, .classes = classes, .inner = inner};
  const int64_t words = run_mixture(&m, false, XENT_ISA_SCALAR, want);
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    run_mixture(&m, true, isa, got);
    compare(&p, xent_isa_name(isa), "mixture", got, want, words);
  }
  void *done[] = {m.x, m.g, m.row_weights, m.sink, m.upstream, m.weights, m.labels, want, got};
  for (size_t i = 0; i < sizeof done / sizeof *done; i++) free(done[i]);
}

int main(int argc, char **argv) {
  const int step = argc > 1 ? atoi(argv[1]) : 1;
  if (step < 1) {
    fprintf(stderr, "usage: columns_test [STEP], STEP at least 1\n");
    return 2;
  }
  static const int64_t boundaries[] = {383,  384,  511,  512,  513,  640,  1000, 1023,  1024,  1025,
                                       1151, 1152, 1153, 4096, 8191, 8192, 8193, 9216,  9217,  16385};
  random_source r = {4711};
  for (int64_t n = 1; n <= 300; n += step) {
    test_shape(1 + random_below(&r, 3), n, 1 + n % 70, &r);
    test_shape(1 + random_below(&r, 3), n, 1 + random_below(&r, n < 40 ? 600 : 140), &r);
  }
  for (int64_t inner = 1; inner <= 70; inner += step)
    test_shape(1 + random_below(&r, 40), 2 + random_below(&r, 30), inner, &r);
  for (size_t b = 0; b < sizeof boundaries / sizeof *boundaries; b += (size_t)step)
    test_shape(1 + random_below(&r, 2), boundaries[b], 1 + random_below(&r, 40), &r);
  for (int i = 0; i < 8; i++) test_shape(1, 3 + random_below(&r, 10), PAGE << i % 2, &r);
  for (int64_t n = 1; n <= 300; n += step) test_mixture(1 + random_below(&r, 3), n, 2 + random_below(&r, 90), &r);
  for (size_t b = 0; b < sizeof boundaries / sizeof *boundaries; b += (size_t)step)
    test_mixture(1, boundaries[b], 2 + random_below(&r, 40), &r);
  printf("columns = rows: %lld values compared, %lld differ\n", (long long)compared, (long long)differing);
  return differing != 0;
}
