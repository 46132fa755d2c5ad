/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float64 arithmetic, and the divergence, with every instruction set against the contract program: random mixtures of
 * targets, options, outputs, types and layouts, masked classes, sinks, ragged rows, rows in parts, shards, and
 * gradients from statistics. Every array ends at a page without access, and the bytes between its elements must not
 * change. Then accuracy against long double.
 * Usage: f64_test [N [SEED]]   N times the default number of mixtures
 */
#include "pages.h"

#include <float.h>
#include <inttypes.h>

#include "accuracy.h"
#include "calls.h"
#include "contract/f64.h"
#include "numerics/halves.h"
#include "rows.h"
#include "tiers.h"

enum {
  FEW_ROWS = 5,
  MOST_ROWS = 40, /* more than two blocks of sixteen */
  MOST_CLASSES = 20000,
  MOST_ENTRIES = 2100,
  MOST_TOP = 1100, /* more than one pass finds */
  IGNORE = -100,
  MOST_STATES = 3
};

static uint64_t compared, different;
static random_source source = {4};
static const char *place = "";

static int64_t below(int64_t n) { return random_below(&source, n); }
static bool one_in(int64_t n) { return below(n) == 0; }
static bool chance(double p) { return random_unit(&source) < p; }

/* ---- arrays of any type and layout ---------------------------------------------------------------- */

typedef struct {
  xent_layout layout;
  unsigned char *memory, *mapped;
  int64_t bytes, room; /* room: with the page after it */
  int64_t inner;          /* of the shape */
  const int64_t *offsets; /* of ragged rows, or NULL */
} array;

static int64_t size_of(int32_t type) {
  switch (type) {
    case XENT_U8: return 1;
    case XENT_F16: case XENT_BF16: return 2;
    case XENT_F32: case XENT_I32: return 4;
    default: return 8;
  }
}

static int64_t element(const array *a, int64_t row, int64_t class) {
  const xent_layout *l = &a->layout;
  if (a->offsets) return (a->offsets[row] + class) * l->classes;
  return row / a->inner * l->outer + class * l->classes + row % a->inner * l->inner;
}

static double get(const array *a, int64_t row, int64_t class) {
  const int64_t i = element(a, row, class);
  switch (a->layout.type) {
    case XENT_U8: return a->memory[i];
    case XENT_F16: return (double)widen_f16(((uint16_t *)a->memory)[i]);
    case XENT_BF16: return (double)widen_bf16(((uint16_t *)a->memory)[i]);
    case XENT_F32: return (double)((float *)a->memory)[i];
    case XENT_F64: return ((double *)a->memory)[i];
    case XENT_I32: return ((int32_t *)a->memory)[i];
    default: return (double)((int64_t *)a->memory)[i];
  }
}

/* Rounded once. */
static uint64_t as_bits(int32_t type, double v) {
  uint64_t u = 0;
  const uint64_t nan = 0x7ff8000000000000ull;
  const float f = v != v ? float_of(0x7fc00000u) : (float)v;
  if (v != v) memcpy(&v, &nan, sizeof v);
  switch (type) {
    case XENT_U8: return (uint64_t)v;
    case XENT_I32: return (uint32_t)(int32_t)v;
    case XENT_I64: return (uint64_t)(int64_t)v;
    case XENT_F32: memcpy(&u, &f, sizeof f); return u;
    case XENT_F64: memcpy(&u, &v, sizeof v); return u;
    default: break;
  }
  /* the nearest of all 65536, ties to even: slow and plain */
  const bool half = type == XENT_F16;
  uint16_t low = 0, high = half ? 0x7c00 : 0x7f80; /* low <= |v| < high */
  if (v != v) return half ? 0x7e00 : 0x7fc0;
  while (high - low > 1) {
    const uint16_t middle = (uint16_t)((low + high) / 2);
    const double at = (double)(half ? widen_f16(middle) : widen_bf16(middle));
    if (at <= fabs(v)) low = middle; else high = middle;
  }
  const double down = (double)(half ? widen_f16(low) : widen_bf16(low));
  const double up = high == (half ? 0x7c00 : 0x7f80) ? (half ? 65536.0 : 0x1p128)
                                                     : (double)(half ? widen_f16(high) : widen_bf16(high));
  const double left = fabs(v) - down, right = up - fabs(v);
  const uint16_t nearest = left < right || (left == right && !(low & 1)) ? low : high;
  return (uint64_t)(nearest | (signbit(v) ? 0x8000 : 0));
}

static uint64_t bits_at(const array *a, int64_t row, int64_t class) {
  uint64_t u = 0;
  memcpy(&u, a->memory + element(a, row, class) * size_of(a->layout.type), (size_t)size_of(a->layout.type));
  return u;
}
static void put(array *a, int64_t row, int64_t class, double v) {
  const uint64_t u = as_bits(a->layout.type, v);
  memcpy(a->memory + element(a, row, class) * size_of(a->layout.type), &u, (size_t)size_of(a->layout.type));
}

static void expect(const char *what, const array *a, int64_t row, int64_t class, double v) {
  const uint64_t expected = as_bits(a->layout.type, v), got = bits_at(a, row, class);
  compared++;
  if (expected == got) return;
  if (different++ < 30)
    fprintf(stderr, "%s: %s, row %lld, class %lld: %016" PRIx64 ", not %016" PRIx64 " (%.17g)\n", place, what,
            (long long)row, (long long)class, got, expected, v);
}

enum { FILL = 0xee };

/* Memory for `bytes` that end at a page without access. */
static void place_array(array *a) {
  const int64_t page = (int64_t)page_size();
  a->room = (a->bytes + page - 1) / page * page + page;
  a->mapped = closed_pages((size_t)a->room);
  open_pages(a->mapped, (size_t)(a->room - page));
  a->memory = a->mapped + a->room - page - a->bytes;
  memset(a->memory, FILL, (size_t)a->bytes);
}

static void release(array *a) {
  if (a->mapped) release_pages(a->mapped, (size_t)a->room);
  a->mapped = NULL;
}

/* Rows of n classes each, or ragged ones of `total` classes. */
static array make(int64_t rows, int64_t n, int64_t inner, int32_t type, const int64_t *offsets, int64_t total) {
  array a = {.inner = inner, .offsets = offsets};
  const int64_t step = one_in(3) ? 2 : 1, gap = below(3);
  int64_t last;
  if (offsets) {
    a.layout = layout_of(0, step, 0, type);
    last = (total - 1) * step;
  } else if (inner > 1) {
    a.layout = layout_of(0, inner * step + gap, step, type);
    last = (n - 1) * a.layout.classes + (inner - 1) * step;
  } else {
    a.layout = layout_of(n * step + gap, step, 0, type);
    last = (rows - 1) * a.layout.outer + (n - 1) * step;
  }
  a.bytes = offsets && total == 0 ? 0 : (last + 1) * size_of(type);
  place_array(&a);
  return a;
}

/* Checks that nothing between the elements of rows was written; `counts` has the number of classes of each row. */
static void expect_gaps(const char *what, const array *a, int64_t rows, const int64_t *counts) {
  const int64_t size = size_of(a->layout.type);
  unsigned char *copy = must_allocate((size_t)a->bytes + 1);
  if (a->bytes) memcpy(copy, a->memory, (size_t)a->bytes);
  for (int64_t row = 0; row < rows; row++)
    for (int64_t k = 0; k < counts[row]; k++) memset(copy + element(a, row, k) * size, FILL, (size_t)size);
  for (int64_t i = 0; i < a->bytes; i++)
    if (copy[i] != FILL) {
      different++;
      fprintf(stderr, "%s: %s: byte %lld, which is of no element, was written\n", place, what, (long long)i);
      break;
    }
  free(copy);
}

/* ---- one mixture ------------------------------------------------------------------------------------ */

typedef struct {
  xent_shape shape;
  xent_options options;
  int64_t rows, classes, inner, total, count[MOST_ROWS], offsets[MOST_ROWS + 1];
  bool ragged;
  int targets;
  int64_t entries, top;
  uint32_t asked; /* requested outputs of a whole call, by bit */
  array x, mask, class_weights, row_weights, sink, q, index, upstream;
  array softmax, log_softmax, gradient, losses, lse, correct, log_probabilities, argmax, ranks, entropies, top_classes,
      top_values, target_gradient;
  bool has_mask, has_class_weights, has_row_weights, has_sink, has_upstream;
} mixture;

static int32_t any_float(void) { return one_in(3) ? XENT_F32 : XENT_F64; }

static void fill_doubles(array *a, int64_t row, int64_t n, int kind) {
  float *room = must_allocate((size_t)(n + 1) * sizeof *room);
  fill_row(room, n, kind, &source);
  for (int64_t k = 0; k < n; k++) {
    double v = (double)room[k];
    if (isfinite(v)) v *= 1 + (random_unit(&source) - 0.5) * 0x1p-24;
    put(a, row, k, kind == 14 || kind == 19 || kind == 22 ? (double)room[k] : v);
  }
  free(room);
}

static int64_t any_count(void) {
  static const int64_t counts[] = {1,   2,   3,    15,   16,   17,   31,   33,   127, 128,
                                   129, 255, 1000, 1023, 1024, 1025, 1151, 1153, 2047};
  static const int64_t large[] = {8191, 8192, 8193, 9000, 16384, 16385, 19999};
  if (one_in(40)) return large[below(sizeof large / sizeof *large)];
  if (one_in(3)) return counts[below(sizeof counts / sizeof *counts)];
  return 1 + below(one_in(4) ? 1500 : 200);
}

static int64_t lawful_class(const mixture *m, int64_t row) { /* or -1 */
  for (int i = 0; i < 200 && m->count[row]; i++) {
    const int64_t k = below(m->count[row]);
    if (!m->has_mask || get(&m->mask, row, k) != 0) return k;
  }
  return -1;
}

static void make_targets(mixture *m) {
  const int64_t rows = m->rows, n = m->classes;
  const int64_t *offsets = m->ragged ? m->offsets : NULL;
  const bool many = n > XENT_CHUNK ? one_in(2) : one_in(20);
  m->entries = m->targets == F64_SPARSE ? 1 + below(many ? MOST_ENTRIES : 9) : 0;
  if (m->targets == F64_DENSE) m->q = make(rows, n, m->inner, any_float(), offsets, m->total);
  if (m->targets == F64_SPARSE) m->q = make(rows, m->entries, m->inner, any_float(), NULL, 0);
  if (m->targets == F64_SPARSE) m->index = make(rows, m->entries, m->inner, one_in(2) ? XENT_I32 : XENT_I64, NULL, 0);
  if (m->targets == F64_LABEL) m->index = make(rows, 1, m->inner, one_in(2) ? XENT_I32 : XENT_I64, NULL, 0);
  for (int64_t row = 0; row < rows; row++) {
    if (m->targets == F64_LABEL) {
      const int64_t y = one_in(6) ? -1 : lawful_class(m, row);
      put(&m->index, row, 0, y < 0 ? IGNORE : (double)y);
      if (y < 0) m->options.has_ignore_index = 1;
    }
    for (int64_t j = 0; j < m->entries; j++) {
      const int64_t y = one_in(5) ? -1 : lawful_class(m, row);
      put(&m->index, row, j,
          y < 0                                               ? IGNORE
          : j && one_in(3) && get(&m->index, row, j - 1) >= 0 ? get(&m->index, row, j - 1)
                                                              : (double)y);
      if (y < 0) m->options.has_ignore_index = 1;
      put(&m->q, row, j, one_in(6) ? 0 : random_unit(&source));
    }
    for (int64_t k = 0; m->targets == F64_DENSE && k < m->count[row]; k++)
      put(&m->q, row, k, one_in(3) ? 0 : (random_unit(&source) - (one_in(9) ? 0.5 : 0)) / (double)n);
    if (m->targets == F64_DENSE && one_in(30) && m->count[row]) put(&m->q, row, 0, INFINITY);
    const bool massless = m->targets == F64_DENSE && m->count[row] > 2 && one_in(12);
    for (int64_t k = 0; massless && k < m->count[row]; k++)
      put(&m->q, row, k, k > 2 ? 0 : k == 2 ? 0x1p-1074 : k ? -0x1p200 : 0x1p200); /* as good as no mass */
    if (m->targets == F64_LABEL && get(&m->index, row, 0) >= 0 && one_in(5)) { /* no probability, and no weight */
      put(&m->x, row, (int64_t)get(&m->index, row, 0), -INFINITY);
      put(&m->class_weights, 0, (int64_t)get(&m->index, row, 0), 0);
    }
  }
}

static void make_options(mixture *m) {
  xent_options *o = &m->options;
  *o = xent_default_options();
  o->ignore_index = IGNORE;
  o->fully_masked = one_in(2);
  o->gradient_scale = one_in(3) ? 1 : ldexp(random_unit(&source) - 0.3, (int)below(20) - 10);
  if (one_in(12)) o->gradient_scale = ldexp(random_unit(&source) - 0.5, -1000 - (int)below(70));
  if (one_in(3)) o->label_smoothing = one_in(6) ? 1 : random_unit(&source) * 0.3;
  if (one_in(3) && m->targets == F64_LABEL) o->smoothing = XENT_SMOOTHING_OTHERS;
  if (one_in(3)) o->temperature = exp(random_normal(&source));
  if (one_in(4)) o->softcap = 5 * exp(random_normal(&source));
  if (one_in(4)) o->z_loss = 1e-4;
  if (one_in(4) && m->targets != F64_NONE && o->label_smoothing == 0)
    o->probability_clamp = one_in(5) ? 0x1p-1060 : 0.5 * random_unit(&source) + 1e-9;
  if (one_in(3) && m->targets == F64_LABEL && o->label_smoothing == 0 && o->z_loss == 0 && o->probability_clamp == 0)
    o->focal_gamma = one_in(2) ? 2 : 8 * random_unit(&source);
}

static void make_mixture(mixture *m) {
  memset(m, 0, sizeof *m);
  m->targets = (int)below(4);
  m->classes = any_count();
  m->rows = 1 + below(m->classes > 4000 ? 10 : FEW_ROWS);
  if (m->classes <= 4000 && chance(m->classes <= 200 ? 0.35 : 0.05)) m->rows = 17 + below(MOST_ROWS - 16);
  m->ragged = one_in(4);
  m->inner = m->ragged || one_in(2) ? 1 : m->rows;
  m->offsets[0] = below(3);
  for (int64_t r = 0; r < m->rows; r++) {
    m->count[r] = m->ragged ? below(m->classes + 1) : m->classes;
    m->offsets[r + 1] = m->offsets[r] + m->count[r];
  }
  m->total = m->offsets[m->rows];
  const int64_t *offsets = m->ragged ? m->offsets : NULL;
  const int64_t rows = m->rows, n = m->classes, inner = m->inner;
  make_options(m);
  m->asked = one_in(2) ? ~0u : (uint32_t)random_bits(&source) & (uint32_t)random_bits(&source);
  m->x = make(rows, n, inner, XENT_F64, offsets, m->total);
  m->has_mask = one_in(3);
  m->has_class_weights = one_in(3), m->has_row_weights = one_in(3), m->has_sink = one_in(3),
  m->has_upstream = one_in(2);
  m->mask = make(rows, n, inner, XENT_U8, offsets, m->total);
  m->class_weights = make(1, n, 1, any_float(), NULL, 0);
  m->row_weights = make(rows, 1, inner, one_in(3) ? XENT_U8 : any_float(), NULL, 0);
  m->sink = make(rows, 1, inner, any_float(), NULL, 0);
  m->upstream = make(rows, 1, inner, any_float(), NULL, 0);
  const int density = (int)below(4);
  for (int64_t row = 0; row < rows; row++) {
    const int kind = one_in(2) ? 0 : (int)below(ROW_KINDS);
    if (m->count[row]) fill_doubles(&m->x, row, m->count[row], kind);
    for (int64_t k = 0; k < m->count[row]; k++)
      put(&m->mask, row, k, density == 0 ? one_in(50) : one_in(12) ? 0 : 1 + (double)below(255));
    put(&m->row_weights, row, 0, one_in(6) ? 0 : m->row_weights.layout.type == XENT_U8 ? 1 : 2 * random_unit(&source));
    put(&m->sink, row, 0, one_in(8) ? -INFINITY : one_in(8) ? 20000 : 3 * (double)random_normal(&source));
    put(&m->upstream, row, 0, (double)random_normal(&source));
  }
  const bool odd = one_in(10);
  for (int64_t k = 0; k < n; k++)
    put(&m->class_weights, 0, k, odd && one_in(5) ? random_odd(&source) : one_in(10) ? 0 : 2 * random_unit(&source));
  make_targets(m);
  m->top = one_in(3) ? 0 : n >= 5 && !one_in(3) ? 1 + below(5) : n < MOST_TOP ? 1 + below(n) : MOST_TOP;
  m->softmax = make(rows, n, inner, any_float(), offsets, m->total);
  m->log_softmax = make(rows, n, inner, any_float(), offsets, m->total);
  m->gradient = make(rows, n, inner, any_float(), offsets, m->total);
  array *per_row[] = {&m->losses, &m->lse, &m->log_probabilities, &m->entropies};
  for (int i = 0; i < 4; i++) *per_row[i] = make(rows, 1, inner, any_float(), NULL, 0);
  m->correct = make(rows, 1, inner, XENT_U8, NULL, 0);
  m->argmax = make(rows, 1, inner, one_in(2) ? XENT_I32 : XENT_I64, NULL, 0);
  m->ranks = make(rows, 1, inner, one_in(2) ? XENT_I32 : XENT_I64, NULL, 0);
  m->top_classes = make(rows, m->top + 1, inner, one_in(2) ? XENT_I32 : XENT_I64, NULL, 0);
  m->top_values = make(rows, m->top + 1, inner, any_float(), NULL, 0);
  m->target_gradient = m->targets == F64_SPARSE ? make(rows, m->entries, inner, any_float(), NULL, 0)
                                                 : make(rows, n, inner, any_float(), offsets, m->total);
  m->shape = (xent_shape){.outer = inner > 1 ? 1 : rows, .classes = n, .inner = inner};
  xent_shape *s = &m->shape;
  s->logits = m->x.layout, s->gradient = m->gradient.layout, s->class_mask = m->mask.layout;
  s->class_weights = m->class_weights.layout, s->row_weights = m->row_weights.layout, s->sink = m->sink.layout;
  s->upstream = m->upstream.layout, s->losses = m->losses.layout, s->log_sum_exp = m->lse.layout,
  s->correct = m->correct.layout;
  s->log_probabilities = m->log_probabilities.layout, s->argmax = m->argmax.layout, s->ranks = m->ranks.layout;
  s->entropies = m->entropies.layout, s->top_classes = m->top_classes.layout,
  s->top_log_probabilities = m->top_values.layout;
  s->target_gradient = m->target_gradient.layout, s->target_count = m->entries, s->top_count = m->top;
  s->targets = m->targets == F64_DENSE ? m->q.layout : m->index.layout;
  s->target_weights = m->q.layout, s->row_offsets.type = XENT_I64;
}

static void release_mixture(mixture *m) {
  array *all[] = {&m->x,           &m->mask,       &m->class_weights,     &m->row_weights, &m->sink,     &m->q,
                  &m->index,       &m->upstream,   &m->softmax,           &m->log_softmax, &m->gradient, &m->losses,
                  &m->lse,         &m->correct,       &m->log_probabilities, &m->argmax,      &m->ranks,
                      &m->entropies,
                  &m->top_classes, &m->top_values, &m->target_gradient};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) release(all[i]);
}

/* ---- the expected results, from the contract program ------------------------------------------------ */

typedef struct {
  double *x, *q, *class_weights;
  uint8_t *mask;
  int64_t entry[MOST_ENTRIES], top[MOST_TOP + 1];
  double top_values[MOST_TOP + 1];
  f64_problem problem;
  f64_answer answer;
  bool ignored;
} expected_row;

static double *doubles(int64_t n) { return must_allocate((size_t)(n + MOST_ENTRIES) * sizeof(double)); }

static void expect_row(const mixture *m, int64_t row, expected_row *e) {
  const int64_t n = m->count[row];
  const xent_options *o = &m->options;
  memset(e, 0, sizeof *e);
  e->x = doubles(n), e->q = doubles(n), e->class_weights = doubles(n), e->mask = must_allocate((size_t)n + 1);
  for (int64_t k = 0; k < n; k++) {
    e->x[k] = get(&m->x, row, k);
    e->mask[k] = get(&m->mask, row, k) != 0;
    e->class_weights[k] = get(&m->class_weights, 0, k);
    if (m->targets == F64_DENSE) e->q[k] = get(&m->q, row, k);
  }
  for (int64_t j = 0; j < m->entries; j++) {
    e->entry[j] = get(&m->index, row, j) == IGNORE ? -1 : (int64_t)get(&m->index, row, j);
    e->q[j] = get(&m->q, row, j);
  }
  e->problem = (f64_problem){.classes = n,
                             .x = e->x,
                             .mask = m->has_mask ? e->mask : NULL,
                             .class_weights = m->has_class_weights ? e->class_weights : NULL,
                             .has_sink = m->has_sink,
                             .has_row_weight = m->has_row_weights,
                             .masked_zero = o->fully_masked,
                             .others = o->smoothing,
                             .sink = get(&m->sink, row, 0),
                             .row_weight = get(&m->row_weights, row, 0),
                             .softcap = o->softcap,
                             .temperature = o->temperature,
                             .eps = m->targets == F64_NONE ? 0 : o->label_smoothing,
                             .z_loss = o->z_loss,
                             .clamp = o->probability_clamp,
                             .gamma = o->focal_gamma,
                             .scale = scale_of(o),
                             .targets = m->targets,
                             .q = e->q,
                             .entries = m->entries,
                             .entry = e->entry,
                             .top = m->top};
  e->ignored = m->has_row_weights && e->problem.row_weight == 0;
  if (m->targets == F64_LABEL) {
    e->problem.label = (int64_t)get(&m->index, row, 0);
    e->ignored |= e->problem.label == IGNORE;
  }
  e->answer = (f64_answer){.softmax = doubles(n), .log_softmax = doubles(n), .gradient = doubles(n),
                            .target_gradient = doubles(n), .top_values = e->top_values, .top_classes = e->top};
  if (!e->ignored) {
    f64_contract_row(&e->problem, &e->answer);
    return;
  }
  f64_answer *a = &e->answer;
  a->log_sum_exp = a->log_probability = a->entropy = NAN;
  a->argmax = a->rank = -1;
  memset(a->gradient, 0, (size_t)n * sizeof(double));
  memset(a->target_gradient, 0, (size_t)(n + MOST_ENTRIES) * sizeof(double));
  for (int64_t j = 0; j < m->top; j++) e->top[j] = -1, e->top_values[j] = NAN;
}

static void release_row(expected_row *e) {
  free(e->x), free(e->q), free(e->class_weights), free(e->mask);
  free(e->answer.softmax), free(e->answer.log_softmax), free(e->answer.gradient), free(e->answer.target_gradient);
}

/* ---- the calls ---------------------------------------------------------------------------------------- */

static const void *maybe(bool there, const array *a) { return there ? a->memory : NULL; }
static void *asked_for(bool asked, const array *a) { return asked ? a->memory : NULL; }
static const void *targets_of(const mixture *m) {
  return m->targets == F64_NONE ? NULL : m->targets == F64_DENSE ? m->q.memory : m->index.memory;
}
static const void *entries_of(const mixture *m) { return m->targets == F64_SPARSE ? m->q.memory : NULL; }

static void poison(const array *a) { memset(a->memory, FILL, (size_t)a->bytes); }

static void check_row_results(const mixture *m, const expected_row *e, int64_t row) {
  if (m->targets != F64_NONE) expect("loss", &m->losses, row, 0, e->answer.loss);
  expect("log-sum-exp", &m->lse, row, 0, e->answer.log_sum_exp);
  if (m->targets == F64_LABEL) expect("hit", &m->correct, row, 0, e->answer.hit);
}

static void run_full(mixture *m, expected_row *rows, xent_statistics *statistics) {
  enum { LOSSES, LSE, CORRECT, LOG_PROBABILITIES, ARGMAX, RANKS, ENTROPIES, TOP, GRADIENT, TARGET_GRADIENT };
  const bool labels = m->targets == F64_LABEL, any = m->targets != F64_NONE, soft = any && !labels;
  bool asked[TARGET_GRADIENT + 1];
  for (int i = 0; i <= TARGET_GRADIENT; i++) asked[i] = m->asked >> i & 1;
  asked[LOSSES] &= any, asked[GRADIENT] &= any, asked[TARGET_GRADIENT] &= soft, asked[TOP] &= m->top > 0;
  asked[CORRECT] &= labels, asked[LOG_PROBABILITIES] &= labels, asked[RANKS] &= labels;
  array *written[] = {&m->losses, &m->lse, &m->correct, &m->log_probabilities, &m->argmax, &m->ranks, &m->entropies,
                      &m->top_classes, &m->top_values, &m->gradient, &m->target_gradient};
  for (size_t i = 0; i < sizeof written / sizeof *written; i++) poison(written[i]);
  xent_exact_sum exact_sum = xent_empty_exact_sum(), expected = xent_empty_exact_sum();
  xent_report report = {.size = sizeof report};
  must(cross_entropy_of(&m->shape, &m->options, 0, m->rows,
                        &(cross_entropy_arrays){.logits = m->x.memory,
                                                .targets = targets_of(m),
                                                .target_weights = entries_of(m),
                                                .row_offsets = m->ragged ? m->offsets : NULL,
                                                .class_mask = maybe(m->has_mask, &m->mask),
                                                .class_weights = maybe(m->has_class_weights, &m->class_weights),
                                                .row_weights = maybe(m->has_row_weights, &m->row_weights),
                                                .sink = maybe(m->has_sink, &m->sink),
                                                .losses = asked_for(asked[LOSSES], &m->losses),
                                                .log_sum_exp = asked_for(asked[LSE], &m->lse),
                                                .correct = asked_for(asked[CORRECT], &m->correct),
                                                .log_probabilities =
                                                    asked_for(asked[LOG_PROBABILITIES], &m->log_probabilities),
                                                .argmax = asked_for(asked[ARGMAX], &m->argmax),
                                                .ranks = asked_for(asked[RANKS], &m->ranks),
                                                .entropies = asked_for(asked[ENTROPIES], &m->entropies),
                                                .top_classes = asked_for(asked[TOP], &m->top_classes),
                                                .top_log_probabilities = asked_for(asked[TOP], &m->top_values),
                                                .gradient = asked_for(asked[GRADIENT], &m->gradient),
                                                .target_gradient =
                                                    asked_for(asked[TARGET_GRADIENT], &m->target_gradient),
                                                .statistics = any ? statistics : NULL,
                                                .exact_sum = any ? &exact_sum : NULL},
                        &report),
       "cross-entropy");
  int64_t counted = 0;
  for (int64_t row = 0; row < m->rows; row++) {
    const f64_answer *a = &rows[row].answer;
    counted += any && !rows[row].ignored;
    if (asked[LOSSES]) expect("loss", &m->losses, row, 0, a->loss);
    if (asked[LSE]) expect("log-sum-exp", &m->lse, row, 0, a->log_sum_exp);
    if (asked[CORRECT]) expect("hit", &m->correct, row, 0, a->hit);
    if (asked[LOG_PROBABILITIES]) expect("log-probability", &m->log_probabilities, row, 0, a->log_probability);
    if (asked[ARGMAX]) expect("argmax", &m->argmax, row, 0, (double)a->argmax);
    if (asked[RANKS]) expect("rank", &m->ranks, row, 0, (double)a->rank);
    if (asked[ENTROPIES]) expect("entropy", &m->entropies, row, 0, a->entropy);
    for (int64_t j = 0; asked[TOP] && j < m->top; j++) {
      expect("top class", &m->top_classes, row, j, (double)a->top_classes[j]);
      expect("top log-probability", &m->top_values, row, j, a->top_values[j]);
    }
    for (int64_t k = 0; asked[GRADIENT] && k < m->count[row]; k++)
      expect("gradient", &m->gradient, row, k, a->gradient[k]);
    const int64_t slots = m->targets == F64_SPARSE ? m->entries : m->count[row];
    for (int64_t k = 0; asked[TARGET_GRADIENT] && k < slots; k++)
      expect("target gradient", &m->target_gradient, row, k, a->target_gradient[k]);
    if (any) must(xent_exact_sum_add(&expected, &a->loss, XENT_F64, 1, 1), "exact_sum");
  }
  int64_t one[MOST_ROWS], top[MOST_ROWS];
  for (int64_t row = 0; row < m->rows; row++) one[row] = 1, top[row] = m->top;
  for (size_t i = 0; i < 7; i++) expect_gaps("an output per row", written[i], m->rows, one);
  expect_gaps("top classes", &m->top_classes, m->rows, top);
  expect_gaps("top log-probabilities", &m->top_values, m->rows, top);
  expect_gaps("gradient", &m->gradient, m->rows, m->count);
  compared += 2;
  if (memcmp(&exact_sum, &expected, sizeof exact_sum)) different++, fprintf(stderr, "%s: exact_sum\n", place);
  if (report.valid_rows != counted) different++, fprintf(stderr, "%s: counted\n", place);
}

static void run_softmax(mixture *m) {
  const void *mask = maybe(m->has_mask, &m->mask), *sink = maybe(m->has_sink, &m->sink),
             *offsets = m->ragged ? m->offsets : NULL;
  mixture plain = *m; /* the same rows without targets */
  plain.targets = F64_NONE, plain.has_row_weights = false;
  poison(&m->softmax), poison(&m->log_softmax), poison(&m->lse);
  xent_shape s = m->shape;
  s.output = m->softmax.layout;
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &m->options, 0, m->rows, 0, m->classes, NULL),
              ARRAYS(m->x.memory, m->softmax.memory, mask, sink, offsets)),
       "softmax");
  s.output = m->log_softmax.layout;
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, &s, &m->options, 0, m->rows, 0, m->classes, NULL),
              ARRAYS(m->x.memory, m->log_softmax.memory, mask, sink, offsets)),
       "log-softmax");
  must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &s, &m->options, 0, m->rows, NULL),
              ARRAYS(m->x.memory, m->lse.memory, mask, sink, offsets)),
       "log-sum-exp");
  for (int64_t row = 0; row < m->rows; row++) {
    expected_row e;
    expect_row(&plain, row, &e);
    expect("log-sum-exp alone", &m->lse, row, 0, e.answer.log_sum_exp);
    for (int64_t k = 0; k < m->count[row]; k++) {
      expect("softmax", &m->softmax, row, k, e.answer.softmax[k]);
      expect("log-softmax", &m->log_softmax, row, k, e.answer.log_softmax[k]);
    }
    release_row(&e);
  }
  expect_gaps("softmax", &m->softmax, m->rows, m->count);
  expect_gaps("log-softmax", &m->log_softmax, m->rows, m->count);
}

/* Outputs over their inputs: all other outputs of a row are requested first. */
static void run_in_place(mixture *m, const expected_row *rows) {
  const bool any = m->targets != F64_NONE, soft = any && m->targets != F64_LABEL;
  const void *mask = maybe(m->has_mask, &m->mask), *sink = maybe(m->has_sink, &m->sink),
             *offsets = m->ragged ? m->offsets : NULL;
  unsigned char *kept = must_allocate((size_t)m->x.bytes + 1);
  memcpy(kept, m->x.memory, (size_t)m->x.bytes);
  xent_shape s = m->shape;
  s.output = s.gradient = m->x.layout;
  if (any) {
    poison(&m->target_gradient), poison(&m->entropies);
    must(cross_entropy_of(&s, &m->options, 0, m->rows, &(cross_entropy_arrays){.logits = m->x.memory,
                          .targets = targets_of(m), .target_weights = entries_of(m), .row_offsets = offsets,
                          .class_mask = mask, .class_weights = maybe(m->has_class_weights, &m->class_weights),
                          .row_weights = maybe(m->has_row_weights, &m->row_weights), .sink = sink,
                          .entropies = m->entropies.memory, .gradient = m->x.memory,
                          .target_gradient = soft ? m->target_gradient.memory : NULL}, NULL), "cross-entropy in place");
    for (int64_t row = 0; row < m->rows; row++) {
      expect("entropy beside a gradient in place", &m->entropies, row, 0, rows[row].answer.entropy);
      for (int64_t k = 0; k < m->count[row]; k++)
        expect("gradient in place", &m->x, row, k, rows[row].answer.gradient[k]);
      const int64_t slots = m->targets == F64_SPARSE ? m->entries : m->count[row];
      for (int64_t k = 0; soft && k < slots; k++)
        expect("target gradient beside one in place", &m->target_gradient, row, k, rows[row].answer.target_gradient[k]);
    }
    memcpy(m->x.memory, kept, (size_t)m->x.bytes);
  }
  /* softmax has just been compared */
  array apart = m->x;
  place_array(&apart);
  s.output = apart.layout;
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &m->options, 0, m->rows, 0, m->classes, NULL),
              ARRAYS(m->x.memory, apart.memory, mask, sink, offsets)),
       "softmax");
  s.output = m->x.layout;
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &m->options, 0, m->rows, 0, m->classes, NULL),
              ARRAYS(m->x.memory, m->x.memory, mask, sink, offsets)),
       "softmax in place");
  for (int64_t row = 0; row < m->rows; row++)
    for (int64_t k = 0; k < m->count[row]; k++) expect("softmax in place", &m->x, row, k, get(&apart, row, k));
  release(&apart);
  memcpy(m->x.memory, kept, (size_t)m->x.bytes);
  free(kept);
}

/* The gradient alone, range by range of classes, whose borders are chunks. */
static void run_backward(mixture *m, const xent_statistics *statistics) {
  if (m->targets == F64_NONE) return;
  poison(&m->gradient);
  for (int64_t begin = 0; begin < m->classes; begin += m->ragged ? m->classes : XENT_CHUNK) {
    const int64_t end = m->ragged || begin + XENT_CHUNK > m->classes ? m->classes : begin + XENT_CHUNK;
    must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &m->shape, &m->options, 0, m->rows, begin, end, NULL),
                ARRAYS(m->x.memory, targets_of(m), maybe(m->has_upstream, &m->upstream), m->gradient.memory,
                       entries_of(m), maybe(m->has_mask, &m->mask), maybe(m->has_class_weights, &m->class_weights),
                       maybe(m->has_row_weights, &m->row_weights), m->ragged ? m->offsets : NULL, statistics)),
         "backward");
  }
  for (int64_t row = 0; row < m->rows; row++) {
    expected_row e;
    expect_row(m, row, &e);
    if (!e.ignored) {
      if (m->has_row_weights) e.problem.scale *= e.problem.row_weight;
      if (m->has_upstream) e.problem.scale *= get(&m->upstream, row, 0);
      e.problem.has_row_weight = false;
      f64_contract_row(&e.problem, &e.answer);
    }
    for (int64_t k = 0; k < m->count[row]; k++)
      expect("gradient from statistics", &m->gradient, row, k, e.answer.gradient[k]);
    release_row(&e);
  }
}

/* The states of a class range, of the whole tensor or of a shard that holds just it. */
static void states_of_range(const mixture *m, int64_t begin, int64_t end, bool shard, const xent_statistics *known,
                            xent_state *states) {
  xent_shape s = m->shape;
  const int64_t chunks = xent_chunks(m->classes), own = xent_chunks(end - begin);
  if (!shard) {
    must(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &s, &m->options, 0, m->rows, begin, end, NULL),
                ARRAYS(m->x.memory, targets_of(m), maybe(m->has_mask, &m->mask), entries_of(m),
                       maybe(m->has_class_weights, &m->class_weights), known, states)),
         "states");
    return;
  }
  xent_state *room = must_allocate((size_t)(m->rows * own) * sizeof *room);
  s.classes = end - begin, s.first_class = begin, s.all_classes = m->classes;
  if (s.top_count > s.classes) s.top_count = 0;
  const unsigned char *x = m->x.memory + begin * m->x.layout.classes * 8,
                      *w = m->class_weights.memory +
                           begin * m->class_weights.layout.classes * size_of(m->class_weights.layout.type);
  const unsigned char *mask = m->mask.memory + begin * m->mask.layout.classes;
  const unsigned char *q = targets_of(m);
  if (m->targets == F64_DENSE) q += begin * m->q.layout.classes * size_of(m->q.layout.type);
  for (int64_t row = 0; row < m->rows; row++)
    for (int64_t c = 0; c < own; c++) room[row * own + c] = states[row * chunks + begin / XENT_CHUNK + c];
  must(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &s, &m->options, 0, m->rows, 0, end - begin, NULL),
              ARRAYS(x, q, m->has_mask ? mask : NULL, entries_of(m), m->has_class_weights ? w : NULL, known, room)),
       "states of a shard");
  for (int64_t row = 0; row < m->rows; row++)
    for (int64_t c = 0; c < own; c++) states[row * chunks + begin / XENT_CHUNK + c] = room[row * own + c];
  free(room);
}

static void run_parts(mixture *m, const expected_row *rows, const xent_statistics *statistics) {
  if (m->ragged) return;
  const bool unknown =
      m->has_mask && m->options.label_smoothing > 0 && (m->targets == F64_DENSE || m->targets == F64_SPARSE);
  const bool shards = !unknown && one_in(2), any = m->targets != F64_NONE;
  xent_state states[MOST_ROWS * MOST_STATES];
  xent_statistics finished[MOST_ROWS];
  memset(states, 0, sizeof states), memset(finished, 0, sizeof finished);
  poison(&m->losses), poison(&m->lse), poison(&m->correct);
  xent_exact_sum exact_sum = xent_empty_exact_sum();
  xent_report report = {.size = sizeof report};
  for (int round = 0; round < 2; round++) {
    for (int64_t begin = 0; begin < m->classes; begin += XENT_CHUNK)
      states_of_range(m, begin, begin + XENT_CHUNK < m->classes ? begin + XENT_CHUNK : m->classes, shards,
                      round ? finished : NULL, states);
    must(run_at((function_call){.function = XENT_FUNCTION_FINISH,
                            .shape = &m->shape,
                            .options = &m->options,
                            .choice = round,
                            .report = &report,
                            .row_begin = 0,
                            .row_end = m->rows},
                ARRAYS(targets_of(m), any ? m->losses.memory : NULL, m->lse.memory,
                       m->targets == F64_LABEL ? m->correct.memory : NULL, maybe(m->has_class_weights,
                           &m->class_weights),
                       any ? maybe(m->has_row_weights, &m->row_weights) : NULL, maybe(m->has_sink, &m->sink), states,
                       finished, any ? &exact_sum : NULL)),
         "finish");
    if (report.unfinished == 0) break;
  }
  for (int64_t row = 0; row < m->rows; row++) {
    if (any) {
      check_row_results(m, &rows[row], row);
      compared++;
      if (memcmp(&finished[row], &statistics[row], sizeof *finished))
        different++, fprintf(stderr, "%s: statistics of row %lld\n", place, (long long)row);
    }
  }
  if (any) return;
  xent_shape s = m->shape; /* statistics of a softmax, chunk by chunk */
  poison(&m->softmax);
  s.output = m->softmax.layout;
  for (int64_t begin = 0; begin < m->classes; begin += XENT_CHUNK)
    must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &m->options, 0, m->rows, begin,
                           begin + XENT_CHUNK < m->classes ? begin + XENT_CHUNK : m->classes, NULL),
                ARRAYS(m->x.memory, m->softmax.memory, maybe(m->has_mask, &m->mask), maybe(m->has_sink, &m->sink), NULL,
                       finished)),
         "softmax");
  mixture plain = *m;
  plain.has_row_weights = false;
  for (int64_t row = 0; row < m->rows; row++) {
    expected_row e;
    expect_row(&plain, row, &e);
    for (int64_t k = 0; k < m->classes; k++)
      expect("softmax from statistics", &m->softmax, row, k, e.answer.softmax[k]);
    release_row(&e);
  }
}

/* y is the logits' array, with any contents; g has the contents of softmax's output. */
static void run_softmax_backward(mixture *m) {
  xent_options o = m->options;
  o.softcap = 0;
  xent_shape s = m->shape;
  s.output = m->x.layout, s.upstream = m->log_softmax.layout;
  for (int64_t row = 0; row < m->rows; row++)
    for (int64_t k = 0; k < m->count[row]; k++)
      put(&m->log_softmax, row, k, one_in(3000) ? INFINITY : (double)random_normal(&source));
  double *y = doubles(m->classes), *g = doubles(m->classes), *dx = doubles(m->classes);
  uint8_t *mask = must_allocate((size_t)m->classes + 1);
  for (int log = 0; log < 2; log++) {
    poison(&m->gradient);
    const void *offsets = m->ragged ? m->offsets : NULL, *masked = maybe(m->has_mask, &m->mask);
    xent_statistics statistics[MOST_ROWS];
    const bool parts = !m->ragged && one_in(2);
    if (parts) {
      xent_state states[MOST_ROWS * MOST_STATES];
      xent_report report = {.size = sizeof report};
      for (int64_t begin = 0; begin < m->classes; begin += XENT_CHUNK)
        must(run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, &s, &o, 0, m->rows, begin,
                               begin + XENT_CHUNK < m->classes ? begin + XENT_CHUNK : m->classes, NULL),
                    ARRAYS(log ? NULL : m->x.memory, m->log_softmax.memory, masked, states)),
             "backward states");
      must(run_at(on_rows(XENT_FUNCTION_FINISH, &s, &o, 0, m->rows, &report),
                  ARRAYS(NULL, NULL, NULL, NULL, NULL, NULL, NULL, states, statistics)),
           "finish");
    }
    must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX_BACKWARD : XENT_FUNCTION_SOFTMAX_BACKWARD, &s, &o, 0,
                           m->rows, 0, m->classes, NULL),
                ARRAYS(m->x.memory, m->log_softmax.memory, m->gradient.memory, masked, offsets,
                       parts ? statistics : NULL)),
         "softmax backward");
    for (int64_t row = 0; row < m->rows; row++) {
      for (int64_t k = 0; k < m->count[row]; k++) {
        y[k] = get(&m->x, row, k), g[k] = get(&m->log_softmax, row, k);
        mask[k] = get(&m->mask, row, k) != 0;
      }
      f64_contract_backward(y, g, m->has_mask ? mask : NULL, m->count[row], log, o.temperature, dx);
      for (int64_t k = 0; k < m->count[row]; k++)
        expect(log ? "log-softmax backward" : "softmax backward", &m->gradient, row, k, dx[k]);
    }
    array upstream = m->log_softmax; /* over the upstream gradient */
    place_array(&upstream);
    memcpy(upstream.memory, m->log_softmax.memory, (size_t)upstream.bytes);
    xent_shape over = s;
    over.gradient = upstream.layout;
    must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX_BACKWARD : XENT_FUNCTION_SOFTMAX_BACKWARD, &over, &o, 0,
                           m->rows, 0, m->classes, NULL),
                ARRAYS(m->x.memory, upstream.memory, upstream.memory, masked, offsets)),
         "softmax backward in place");
    for (int64_t row = 0; row < m->rows; row++) /* equal to the separate output, rounded the same way */
      for (int64_t k = 0; upstream.layout.type == m->gradient.layout.type && k < m->count[row]; k++)
        expect("softmax backward in place", &upstream, row, k, get(&m->gradient, row, k));
    release(&upstream);
  }
  free(y), free(g), free(dx), free(mask);
}

static int32_t all_floats(void) {
  static const int32_t types[] = {XENT_F16, XENT_BF16, XENT_F32, XENT_F64};
  return types[below(4)];
}

static const int32_t divergences[] = {[F64_KULLBACK_LEIBLER] = XENT_FUNCTION_KL_DIVERGENCE,
                                      [F64_JENSEN_SHANNON] = XENT_FUNCTION_JENSEN_SHANNON_DIVERGENCE,
                                      [F64_TOTAL_VARIATION] = XENT_FUNCTION_TOTAL_VARIATION};

static void run_divergence(const mixture *m) {
  if (m->ragged) return;
  const int kind = (int)below(3);
  const int64_t rows = m->rows, n = m->classes;
  array x = make(rows, n, m->inner, all_floats(), NULL, 0), a = make(rows, n, m->inner, all_floats(), NULL, 0);
  array losses = make(rows, 1, m->inner, all_floats(), NULL, 0),
        gradient = make(rows, n, m->inner, all_floats(), NULL, 0);
  const bool near = one_in(2);
  for (int64_t row = 0; row < rows; row++) {
    fill_doubles(&x, row, n, one_in(2) ? 0 : (int)below(ROW_KINDS));
    fill_doubles(&a, row, n, one_in(2) ? 0 : (int)below(ROW_KINDS));
    for (int64_t k = 0; near && k < n; k++)
      put(&a, row, k, get(&x, row, k) + ldexp((double)random_normal(&source), -(int)below(30)));
  }
  xent_shape s = m->shape;
  s.logits = x.layout, s.teacher = a.layout, s.losses = losses.layout, s.gradient = gradient.layout, s.top_count = 0;
  s.row_weights = m->row_weights.layout, s.class_mask = m->mask.layout;
  const xent_options all = m->options; /* of which a divergence has these */
  xent_options o = xent_default_options();
  o.fully_masked = all.fully_masked, o.gradient_scale = all.gradient_scale;
  o.temperature = all.temperature < 1e-3 ? 0 : all.temperature;
  double *teacher = doubles(n), *student = doubles(n), *slope = doubles(n);
  uint8_t *mask = must_allocate((size_t)n + 1);
  for (o.isa = next_tier(XENT_ISA_BEST); o.isa; o.isa = next_tier(o.isa)) {
    poison(&losses), poison(&gradient);
    xent_exact_sum exact_sum = xent_empty_exact_sum(), expected = xent_empty_exact_sum();
    must(run_at(on_rows(divergences[kind], &s, &o, 0, rows, NULL),
                ARRAYS(x.memory, a.memory, losses.memory, gradient.memory, maybe(m->has_mask, &m->mask),
                       maybe(m->has_row_weights, &m->row_weights), &exact_sum)),
         "divergence");
    for (int64_t row = 0; row < rows; row++) {
      const double weight = m->has_row_weights ? get(&m->row_weights, row, 0) : 1;
      for (int64_t k = 0; k < n; k++)
        teacher[k] = get(&a, row, k), student[k] = get(&x, row, k), mask[k] = get(&m->mask, row, k) != 0, slope[k] = 0;
      double loss = 0;
      if (weight != 0)
        loss = weight * f64_contract_divergence(kind, teacher, student, m->has_mask ? mask : NULL, n, o.temperature,
                                                o.fully_masked, scale_of(&o) * weight, slope);
      expect("divergence", &losses, row, 0, loss);
      if (loss < 0) different++, fprintf(stderr, "%s: a divergence of %g\n", place, loss);
      for (int64_t k = 0; k < n; k++) expect("gradient of a divergence", &gradient, row, k, slope[k]);
      must(xent_exact_sum_add(&expected, &loss, XENT_F64, 1, 1), "exact_sum");
    }
    compared++;
    if (memcmp(&exact_sum, &expected, sizeof exact_sum)) different++, fprintf(stderr,
        "%s: exact_sum of divergences\n", place);
    array over = x; /* the gradient over the logits */
    place_array(&over);
    memcpy(over.memory, x.memory, (size_t)over.bytes);
    xent_shape in_place = s;
    in_place.gradient = x.layout;
    must(run_at(on_rows(divergences[kind], &in_place, &o, 0, rows, NULL),
                ARRAYS(over.memory, a.memory, losses.memory, over.memory, maybe(m->has_mask, &m->mask),
                       maybe(m->has_row_weights, &m->row_weights))),
         "divergence in place");
    for (int64_t row = 0; row < rows; row++)
      for (int64_t k = 0; x.layout.type == gradient.layout.type && k < n; k++)
        expect("gradient of a divergence in place", &over, row, k, get(&gradient, row, k));
    release(&over);
  }
  release(&x), release(&a), release(&losses), release(&gradient);
  free(teacher), free(student), free(slope), free(mask);
}

static void test_mixture(int64_t number) {
  static const char *const names[] = {"no targets", "labels", "probability rows", "sparse rows"};
  mixture m;
  make_mixture(&m);
  expected_row rows[MOST_ROWS];
  xent_statistics statistics[MOST_ROWS], first[MOST_ROWS];
  for (int64_t row = 0; row < m.rows; row++) expect_row(&m, row, &rows[row]);
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    char where[200];
    snprintf(where, sizeof where, "mixture %lld, %s, %s, %lld classes%s%s%s%s%s eps %g tau %g cap %g z %g",
             (long long)number, xent_isa_name(isa), names[m.targets], (long long)m.classes, m.ragged ? " ragged" : "",
             m.has_mask ? " mask" : "", m.has_class_weights ? " weights" : "", m.has_sink ? " sink" : "",
             m.options.smoothing ? " others" : "", m.options.label_smoothing, m.options.temperature, m.options.softcap,
             m.options.z_loss);
    place = where;
    m.options.isa = isa;
    memset(statistics, 0, sizeof statistics);
    run_full(&m, rows, statistics);
    if (isa == XENT_ISA_SCALAR) memcpy(first, statistics, sizeof first);
    compared++;
    if (memcmp(statistics, first, sizeof first)) different++, fprintf(stderr, "%s: other statistics\n", place);
    run_backward(&m, statistics);
    if (m.targets <= F64_LABEL || m.options.probability_clamp == 0) run_parts(&m, rows, statistics);
    run_softmax(&m);
    run_in_place(&m, rows);
    run_softmax_backward(&m);
    if (isa == XENT_ISA_SCALAR) run_divergence(&m);
  }
  for (int64_t row = 0; row < m.rows; row++) release_row(&rows[row]);
  release_mixture(&m);
}

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
  for (int64_t i = 0; i < 100 * times; i++) test_mixture(i);
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
  printf("%" PRIu64 " values compared, %" PRIu64 " differ\n", compared, different);
  return different || worst_softmax > 6 || worst_loss > 1e-15 || worst_smooth > 2e-15 ||
         worst_gap > 1e-15 || worst_label > 2e-15;
}
