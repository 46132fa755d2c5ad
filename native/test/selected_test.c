/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log-probabilities of selected classes, with every instruction set: random mixtures of types, layouts, options,
 * ignored and repeated classes against contract/selected.c, bit by bit, in both arithmetics; one class against
 * cross-entropy; accuracy against long double; invalid calls.
 * Usage: selected_test [PROBLEMS] [SEED]
 */
#include "arrays.h"
#include "contract/selected.h"
#include "tiers.h"

enum { MOST_ROWS = 70, MOST_COUNT = 24 };

static uint64_t compared, differing;
static char what_problem[200];
static random_source source;

static bool chance(double p) { return random_unit(&source) < p; }
static int64_t below(int64_t n) { return random_below(&source, n); }

typedef struct {
  xent_shape s;
  xent_options o;
  int64_t rows, n, count; /* count: classes of a row */
  bool wide, in_place;
  int64_t offsets[MOST_ROWS + 1];
  array logits, targets, upstream, mask, sink, row_offsets, log_probabilities, gradient, losses, row_upstream;
} problem;

static int64_t row_at(const problem *p, const array *a, int64_t row) {
  return row / p->s.inner * a->layout.outer + row % p->s.inner * a->layout.inner;
}
static int64_t class_at(const problem *p, const array *a, int64_t row, int64_t k) {
  return (p->row_offsets.data ? p->offsets[row] * a->layout.classes : row_at(p, a, row)) + k * a->layout.classes;
}
static int64_t entry_at(const problem *p, const array *a, int64_t row, int64_t j) {
  return row_at(p, a, row) + j * a->layout.classes;
}
static int64_t classes_of(const problem *p, int64_t row) {
  return p->row_offsets.data ? p->offsets[row + 1] - p->offsets[row] : p->n;
}

/* (outer, entries, inner) with the entries last, in the middle, or apart. */
static array array_of(const problem *p, int64_t entries, int32_t type) {
  const int64_t outer = p->s.outer, inner = p->s.inner, step = 1 + (chance(0.2) ? 1 : 0);
  xent_layout l = {.type = type};
  if (chance(0.5))
    l.classes = step, l.inner = entries * step, l.outer = l.inner * inner;
  else
    l.inner = step, l.classes = inner * step, l.outer = l.classes * entries;
  return new_array(l.outer * outer + 1, l);
}
static array class_array(const problem *p, int32_t type) {
  if (!p->row_offsets.data) return array_of(p, p->n, type);
  const int64_t step = 1 + (chance(0.2) ? 1 : 0);
  return new_array(p->offsets[p->rows] * step + 1, (xent_layout){.classes = step, .type = type});
}
static int32_t any_float(const problem *p) {
  static const int32_t narrow[] = {XENT_F32, XENT_F32, XENT_BF16, XENT_F16}, wide[] = {XENT_F64, XENT_F32};
  return p->wide ? wide[below(2)] : narrow[below(4)];
}

static void choose(problem *p) {
  static const int64_t counts[] = {1, 2, 17, 128, 300, 1024, 1025, 8192, 8193, 20000};
  p->wide = chance(0.35);
  p->n = chance(0.75) ? 1 + below(90) : counts[below(10)];
  const int64_t most = p->n > 2000 ? 3 : chance(0.1) ? MOST_ROWS : 6;
  const bool ragged = chance(0.2);
  p->s = (xent_shape){.outer = 1 + below(most), .classes = p->n, .inner = 1};
  if (!ragged && chance(0.3)) p->s.inner = 1 + below(3);
  if (p->s.inner > 1) p->s.outer = 1 + below(most / p->s.inner);
  p->rows = p->s.outer * p->s.inner;
  p->count = chance(0.3) ? 1 : 1 + below(chance(0.1) ? MOST_COUNT : 6);
  p->s.target_count = p->count == 1 && chance(0.5) ? 0 : p->count;
  if (ragged) {
    p->offsets[0] = below(3);
    for (int64_t row = 0; row < p->rows; row++) p->offsets[row + 1] = p->offsets[row] + 1 + below(p->n);
    p->row_offsets = new_array(p->rows + 1, (xent_layout){.type = chance(0.5) ? XENT_I32 : XENT_I64});
    for (int64_t row = 0; row <= p->rows; row++) set_number(&p->row_offsets, row, (double)p->offsets[row]);
  }
  p->o = xent_default_options();
  static const double scales[] = {1, 0.25, -1.0 / 3, 1e-30, 1e-38, 3e-45, 1e-307, 1e30, -0.0};
  if (chance(0.3)) p->o.fully_masked = XENT_FULLY_MASKED_ZERO;
  if (chance(0.5)) p->o.gradient_scale = scales[below(9)];
  if (chance(0.4)) p->o.temperature = chance(0.3) ? 2 : pow(10, 3 * random_unit(&source) - 1);
  if (chance(0.3)) p->o.softcap = chance(0.5) ? 30 : 1 + 50 * random_unit(&source);
  if (chance(0.6)) p->o.has_ignore_index = 1, p->o.ignore_index = chance(0.5) ? -100 : 0;
}

static void fill_inputs(problem *p) {
  float *x = must_allocate((size_t)p->n * sizeof *x);
  p->logits = class_array(p, p->wide ? XENT_F64 : any_float(p));
  const bool narrow = p->n <= 127 && p->o.ignore_index != -100 && chance(0.3);
  p->targets = array_of(p, p->count, narrow ? XENT_U8 : p->n > 30000 || chance(0.5) ? XENT_I64 : XENT_I32);
  if (chance(0.3)) p->mask = class_array(p, XENT_U8);
  if (chance(0.8)) p->upstream = array_of(p, p->count, any_float(p));
  if (chance(0.3)) p->sink = array_of(p, 1, any_float(p));
  for (int64_t row = 0; row < p->rows; row++) {
    const int64_t n = classes_of(p, row);
    fill_row(x, n, chance(0.6) ? 0 : (int)below(ROW_KINDS), &source);
    if (p->wide && chance(0.2)) /* a confident row */
      x[below(n)] += (float)(40 * random_unit(&source));
    for (int64_t k = 0; k < n; k++)
      set_number(&p->logits, class_at(p, &p->logits, row, k),
                 (double)x[k] * (p->wide ? 1 + 1e-9 * random_unit(&source) : 1));
    for (int64_t k = 0; p->mask.data && k < n; k++)
      set_number(&p->mask, class_at(p, &p->mask, row, k), chance(0.7) ? 1 : 0);
    int64_t lawful = -1, few[3];
    for (int64_t k = 0; k < n && lawful < 0; k++)
      if (!p->mask.data || get_number(&p->mask, class_at(p, &p->mask, row, k)) != 0) lawful = k;
    for (int i = 0; i < 3; i++) few[i] = below(n);
    for (int64_t j = 0; j < p->count; j++) {
      int64_t k = chance(0.3) ? few[below(3)] : below(n); /* so that some are repeated */
      if (p->mask.data && get_number(&p->mask, class_at(p, &p->mask, row, k)) == 0) k = lawful;
      if (k < 0 && !p->o.has_ignore_index) p->o.has_ignore_index = 1, p->o.ignore_index = p->n <= 127 ? 200 : 0;
      if (k < 0 || (p->o.has_ignore_index && chance(0.15))) k = p->o.ignore_index;
      set_number(&p->targets, entry_at(p, &p->targets, row, j), (double)k);
      if (p->upstream.data)
        set_number(&p->upstream, entry_at(p, &p->upstream, row, j), chance(0.1) ? 0 : (double)random_normal(&source));
    }
    if (p->sink.data)
      set_number(&p->sink, row_at(p, &p->sink, row),
                 chance(0.2) ? -(double)INFINITY : (double)random_normal(&source) * 4);
  }
  free(x);
  p->log_probabilities = array_of(p, p->count, any_float(p));
  p->in_place = chance(0.3);
  const int64_t elements = (int64_t)(p->logits.bytes / size_of_type(p->logits.layout.type));
  p->gradient = p->in_place ? new_array(elements, p->logits.layout) : class_array(p, any_float(p));
  xent_shape *s = &p->s;
  s->logits = p->logits.layout, s->targets = p->targets.layout, s->upstream = p->upstream.layout;
  s->class_mask = p->mask.layout, s->sink = p->sink.layout, s->row_offsets = p->row_offsets.layout;
  s->log_probabilities = p->log_probabilities.layout, s->gradient = p->gradient.layout;
}

/* The results of a row, as doubles. */
typedef struct {
  double log_probabilities[MOST_COUNT], *gradient;
} answer;

static void expect_row(const problem *p, int64_t row, answer *a) {
  const int64_t n = classes_of(p, row);
  const size_t room = (size_t)n + 1;
  int64_t classes[MOST_COUNT];
  double g[MOST_COUNT], *x = must_allocate(room * 8 * 7);
  uint8_t *mask = must_allocate(room);
  for (int64_t j = 0; j < p->count; j++) {
    classes[j] = (int64_t)get_number(&p->targets, entry_at(p, &p->targets, row, j));
    if (p->o.has_ignore_index && classes[j] == p->o.ignore_index) classes[j] = -1;
    g[j] = p->upstream.data ? get_number(&p->upstream, entry_at(p, &p->upstream, row, j)) : 1;
  }
  for (int64_t k = 0; k < n; k++) {
    x[k] = get_number(&p->logits, class_at(p, &p->logits, row, k));
    mask[k] = !p->mask.data || get_number(&p->mask, class_at(p, &p->mask, row, k)) != 0;
  }
  const selection chosen = {.count = p->count, .classes = classes, .upstream = g, .scale = scale_of(&p->o)};
  const double sink = p->sink.data ? get_number(&p->sink, row_at(p, &p->sink, row)) : 0;
  const bool zero = p->o.fully_masked == XENT_FULLY_MASKED_ZERO;
  a->gradient = must_allocate(room * 8);
  if (p->wide) {
    const f64_problem in = {.classes = n, .x = x, .mask = p->mask.data ? mask : NULL, .has_sink = p->sink.data,
                            .sink = sink, .masked_zero = zero, .softcap = p->o.softcap,
                            .temperature = p->o.temperature};
    f64_answer out = {.softmax = x + room, .log_softmax = x + 2 * room, .gradient = a->gradient,
                      .target_gradient = x + 3 * room, .top_values = x + 4 * room};
    f64_contract_selected(&in, &chosen, &out, a->log_probabilities);
  } else {
    float *logits = must_allocate(room * 4 * 8), log_probabilities[MOST_COUNT];
    int64_t *top = must_allocate(room * 8);
    for (int64_t k = 0; k < n; k++) logits[k] = (float)x[k];
    const general_input in = {.n = n, .logits = logits, .mask = p->mask.data ? mask : NULL, .has_sink = p->sink.data,
                              .sink = (float)sink, .masked_is_zero = zero, .softcap = p->o.softcap,
                              .temperature = p->o.temperature};
    general_output out = {.softmax = logits + room, .log_softmax = logits + 2 * room, .gradient = logits + 3 * room,
                          .target_gradient = logits + 4 * room, .top_values = logits + 5 * room,
                          .scratch = logits + 6 * room, .top = top};
    contract_selected(&in, &chosen, &out, log_probabilities);
    for (int64_t k = 0; k < n; k++) a->gradient[k] = (double)out.gradient[k];
    for (int64_t j = 0; j < p->count; j++) a->log_probabilities[j] = (double)log_probabilities[j];
    free(logits), free(top);
  }
  free(x), free(mask);
}

static void check(const array *a, int64_t at, double expected, const char *what, int64_t row, int64_t k) {
  compared++;
  if (has_bits_of(a, at, expected)) return;
  if (differing++ < 12)
    fprintf(stderr, "%s: %s, row %lld, %lld: %a is not %a\n", what_problem, what, (long long)row, (long long)k,
            get_number(a, at), expected);
}
static void check_gradients(const problem *p, const answer *expected, const char *what) {
  for (int64_t row = 0; row < p->rows; row++)
    for (int64_t k = 0; k < classes_of(p, row); k++)
      check(&p->gradient, class_at(p, &p->gradient, row, k), expected[row].gradient[k], what, row, k);
}

static void *begin(array *a, const array *in_place_of) {
  memset(a->data, 0xa5, a->bytes);
  if (in_place_of) memcpy(a->data, in_place_of->data, in_place_of->bytes);
  return a->data;
}

static void run(problem *p, const answer *expected) {
  const array *given = p->in_place ? &p->logits : NULL;
  xent_statistics statistics[MOST_ROWS];
  xent_report report = {.size = sizeof report};
  begin(&p->log_probabilities, NULL);
  void *dx = begin(&p->gradient, given);
  const int64_t middle = below(p->rows + 1); /* callers may divide rows anywhere */
  for (int part = 0; part < 2; part++)
    must(run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, &p->s, &p->o, part ? middle : 0,
                        part ? p->rows : middle, &report),
                ARRAYS(given ? dx : p->logits.data, p->targets.data, p->log_probabilities.data, dx, p->upstream.data,
                       p->mask.data, p->sink.data, p->row_offsets.data, statistics)),
         "selected");
  for (int64_t row = 0; row < p->rows; row++)
    for (int64_t j = 0; j < p->count; j++)
      check(&p->log_probabilities, entry_at(p, &p->log_probabilities, row, j), expected[row].log_probabilities[j],
            "log-probability", row, j);
  check_gradients(p, expected, "gradient");
  begin(&p->log_probabilities, NULL);
  must(run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, &p->s, &p->o, 0, p->rows, NULL),
              ARRAYS(p->logits.data, p->targets.data, p->log_probabilities.data, NULL, NULL, p->mask.data, p->sink.data,
                     p->row_offsets.data)),
       "selected alone");
  for (int64_t row = 0; row < p->rows; row++)
    for (int64_t j = 0; j < p->count; j++)
      check(&p->log_probabilities, entry_at(p, &p->log_probabilities, row, j), expected[row].log_probabilities[j],
            "log-probability alone", row, j);
  dx = begin(&p->gradient, given);
  must(run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES_BACKWARD, &p->s, &p->o, 0, p->rows, &report),
              ARRAYS(given ? dx : p->logits.data, p->targets.data, dx, p->upstream.data, p->mask.data,
                     p->row_offsets.data, statistics)),
       "backward");
  check_gradients(p, expected, "gradient later");
}

/* With one class per row these are the bits of a cross-entropy, whose upstream is - g. */
static void run_as_labels(problem *p) {
  xent_shape s = p->s;
  s.target_count = 0;
  xent_statistics statistics[MOST_ROWS];
  p->losses = array_of(p, 1, p->log_probabilities.layout.type);
  p->row_upstream = array_of(p, 1, p->wide ? XENT_F64 : XENT_F32);
  s.losses = p->losses.layout, s.upstream = p->row_upstream.layout;
  for (int64_t row = 0; row < p->rows; row++)
    set_number(&p->row_upstream, row_at(p, &p->row_upstream, row),
               p->upstream.data ? -get_number(&p->upstream, entry_at(p, &p->upstream, row, 0)) : -1);
  const cross_entropy_arrays a = {.logits = p->logits.data, .targets = p->targets.data,
                                  .row_offsets = p->row_offsets.data, .class_mask = p->mask.data, .sink = p->sink.data,
                                  .losses = begin(&p->losses, NULL), .statistics = statistics};
  must(cross_entropy_of(&s, &p->o, 0, p->rows, &a, NULL), "cross-entropy");
  array gradient = new_array((int64_t)(p->gradient.bytes / size_of_type(p->gradient.layout.type)), p->gradient.layout);
  must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &s, &p->o, 0, p->rows, 0, p->n, NULL),
              ARRAYS(p->logits.data, p->targets.data, p->row_upstream.data, gradient.data, NULL, p->mask.data, NULL,
                     NULL, p->row_offsets.data, statistics)),
       "backward of cross-entropy");
  for (int64_t row = 0; row < p->rows; row++) {
    const double lp = get_number(&p->log_probabilities, entry_at(p, &p->log_probabilities, row, 0));
    if (lp != -(double)INFINITY) /* of a row that is fully masked the loss is 0 */
      check(&p->losses, row_at(p, &p->losses, row), 0 - lp, "loss", row, -1);
    for (int64_t k = 0; k < classes_of(p, row); k++)
      check(&gradient, class_at(p, &gradient, row, k), get_number(&p->gradient, class_at(p, &p->gradient, row, k)),
            "gradient of cross-entropy", row, k);
  }
  free_array(&gradient), free_array(&p->losses), free_array(&p->row_upstream);
}

static void run_problem(uint64_t seed) {
  source.state = seed * 0x9E3779B97F4A7C15ull;
  problem p = {.rows = 0};
  answer expected[MOST_ROWS];
  choose(&p);
  fill_inputs(&p);
  for (int64_t row = 0; row < p.rows; row++) expect_row(&p, row, &expected[row]);
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    p.o.isa = isa;
    snprintf(what_problem, sizeof what_problem, "problem %llu, %s, %s, %lld of %lld classes", (unsigned long long)seed,
             xent_isa_name(isa), p.wide ? "float64" : "float32", (long long)p.count, (long long)p.n);
    run(&p, expected);
    if (p.count == 1) run_as_labels(&p);
  }
  for (int64_t row = 0; row < p.rows; row++) free(expected[row].gradient);
  array *const all[] = {&p.logits, &p.targets, &p.upstream, &p.mask, &p.sink, &p.row_offsets, &p.log_probabilities,
                        &p.gradient};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free_array(all[i]);
}

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

int main(int argc, char **argv) {
  const long problems = argc > 1 ? strtol(argv[1], NULL, 10) : 1500;
  const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  for (uint64_t seed = first; seed < first + (uint64_t)problems; seed++) run_problem(seed);
  measure();
  refuse();
  refuse_unsigned();
  printf("%ld mixtures of options, %llu values compared, %llu differ\n", problems, (unsigned long long)compared,
         (unsigned long long)differing);
  return differing != 0;
}
