/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-entropy of linear layers with every instruction set: random mixtures of shapes, types, layouts, targets,
 * options, outputs, row ranges and workspaces, whole and in parts, against xent_cross_entropy on the logits of the
 * contract program and the dot products of that program with its gradient. Every array ends at a page without access,
 * and the bytes between its elements must not change. Then bad input, and the errors of logits and gradients relative
 * to the bounds of conformance/bounds.md. Usage: linear_test [N [SEED]]   N times the default number of mixtures
 */
#include "pages.h"

#include <inttypes.h>

#include "arrays.h"
#include "contract/linear.h"
#include "kernels/path_names.h"
#include "tiers.h"

enum { MIXTURES = 160, FILLED = 0xee, ALIGNMENT = 64, BLOCK = 128 };
enum { GRADIENTS = XENT_WORKSPACE_HIDDEN_GRADIENT | XENT_WORKSPACE_WEIGHTS_GRADIENT };

enum {
  HIDDEN, WEIGHTS, BIAS, TARGETS, TARGET_WEIGHTS, MASK, CLASS_WEIGHTS, ROW_WEIGHTS, SINK, LOGITS, LOSSES, LSE, CORRECT,
  LOG_PROBABILITIES, ARGMAX, RANKS, ENTROPIES, TOP_CLASSES, TOP_LOGS, TARGET_GRADIENT, HIDDEN_GRADIENT,
  WEIGHTS_GRADIENT, BIAS_GRADIENT, ARRAYS, OUTPUTS = LOGITS
};
static const char *const names[ARRAYS] = {
    "hidden", "weights", "bias", "targets", "target weights", "mask", "class weights", "row weights", "sink", "logits",
    "losses", "log-sum-exp", "correct", "log-probabilities", "argmax", "ranks", "entropies", "top classes",
    "top log-probabilities", "target gradient", "hidden gradient", "weights gradient", "bias gradient"};

static random_source source = {13};
static uint64_t values_compared, comparisons, calls, different;

static int64_t below(int64_t n) { return random_below(&source, n); }
static bool one_in(int64_t n) { return below(n) == 0; }

/* ---- arrays before a closed page ------------------------------------------------------------------- */

typedef struct {
  array a; /* data: NULL without the array */
  unsigned char *mapped;
  int64_t mapped_bytes, inner, values;
  array expected;
} placed;

static int64_t place_of(const placed *p, int64_t row, int64_t k) {
  const xent_layout *l = &p->a.layout;
  return row / p->inner * l->outer + k * l->classes + row % p->inner * l->inner;
}
static double get(const placed *p, int64_t row, int64_t k) { return get_number(&p->a, place_of(p, row, k)); }
static void put(placed *p, int64_t row, int64_t k, double v) { set_number(&p->a, place_of(p, row, k), v); }

/* outer times inner rows of n numbers; repeated: all rows are the same. */
static placed make(int64_t outer, int64_t n, int64_t inner, int32_t type, bool repeated) {
  placed p = {.inner = inner, .values = outer * n * inner};
  const int64_t step = one_in(4) ? 1 + below(3) : 1, gap = one_in(3) ? below(3) : 0, page = (int64_t)page_size();
  if (inner > 1)
    p.a.layout = layout_of(n * (inner * step + gap), inner * step + gap, step, type);
  else
    p.a.layout = layout_of(n * step + gap, step, 0, type);
  if (n == 1) p.a.layout.classes = below(5);
  if (repeated) p.a.layout.outer = p.a.layout.inner = 0;
  const int64_t last = (outer - 1) * p.a.layout.outer + (n - 1) * (n == 1 ? 0 : p.a.layout.classes) +
                       (inner - 1) * p.a.layout.inner;
  p.a.bytes = (size_t)(last + 1) * size_of_type(type);
  p.mapped_bytes = ((int64_t)p.a.bytes + page - 1) / page * page + page;
  p.mapped = closed_pages((size_t)p.mapped_bytes);
  open_pages(p.mapped, (size_t)(p.mapped_bytes - page));
  p.a.data = p.mapped + p.mapped_bytes - page - p.a.bytes;
  memset(p.a.data, FILLED, p.a.bytes);
  return p;
}
static void release(placed *p) {
  if (p->a.data) release_pages(p->mapped, (size_t)p->mapped_bytes);
  free(p->expected.data);
  *p = (placed){0};
}

/* ---- one mixture ------------------------------------------------------------------------------------- */

typedef struct {
  int64_t outer, inner, rows, classes, features, targets, top, begin, end;
  placed arrays[ARRAYS];
  xent_options options;
  bool with_statistics, with_exact_sum;
  float *hidden, *weights, *bias, *logits, *gradient; /* as floats without gaps */
  xent_statistics *statistics;
  xent_exact_sum exact_sum;
  xent_report report;
  xent_status status;
} mixture;

static int32_t any_float(void) {
  static const int32_t types[] = {XENT_F32, XENT_F32, XENT_F16, XENT_BF16};
  return types[below(4)];
}
static int64_t any_of(const int64_t *edges, int64_t count, int64_t most) {
  return one_in(2) ? edges[below(count)] : 1 + below(most);
}

static void any_shape(mixture *m) {
  static const int64_t features[] = {1, 2, 15, 16, 17, 31, 32, 33, 127, 128, 129, 255, 256, 257, 300};
  static const int64_t classes[] = {1,   2,   15,  16,  17,  31,  32,  33,  63,  64,   65,  127,
                                    128, 129, 255, 256, 257, 300, 511, 512, 513, 1024, 1025};
  m->inner = one_in(5) ? 1 + below(3) : 1;
  m->features = any_of(features, 15, 300);
  m->classes = any_of(classes, 23, 300);
  int64_t rows = one_in(3) ? 1 + below(9) : 1 + below(40);
  if (one_in(12)) { /* beyond a chunk */
    static const int64_t beyond[] = {8191, 8192, 8193, 8320, 16384, 16385};
    m->classes = one_in(2) ? beyond[below(6)] : 8000 + below(9000);
    m->features = 1 + below(one_in(6) ? 140 : 12);
    rows = 1 + below(30);
  } else if (one_in(6)) { /* several blocks of rows */
    static const int64_t many[] = {127, 128, 129, 255, 256, 257, 263, 264, 265, 384, 385, 520};
    rows = many[below(12)];
    m->features = 1 + below(40);
    m->classes = 1 + below(60);
  }
  m->outer = rows / m->inner ? rows / m->inner : 1;
  m->rows = m->outer * m->inner;
  m->begin = one_in(2) ? 0 : below(m->rows + 1);
  m->end = one_in(2) ? m->rows : m->begin + below(m->rows - m->begin + 1);
}

static void fill(placed *p, int64_t rows, int64_t n, double scale) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t k = 0; k < n; k++) put(p, row, k, scale * (double)random_normal(&source));
}

/* Fills rows, or classes, with special values now and then. */
static void fill_edges(placed *p, int64_t rows, int64_t n) {
  static const double edges[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 0x1p-140, 3e38, -0x1p-149};
  for (int64_t row = 0; row < rows; row++) {
    if (!one_in(rows < 20 ? 8 : rows / 2)) continue;
    const double v = edges[below(8)], factor = one_in(2) ? 1000 : one_in(2) ? 1e-30 : 1e6;
    const bool all = one_in(3), scaled = one_in(2);
    const int64_t at = below(n);
    for (int64_t k = 0; k < n; k++) {
      if (scaled) put(p, row, k, factor * get(p, row, k));
      else if (all || k == at) put(p, row, k, v);
    }
  }
}

static void any_targets(mixture *m, int kind) {
  static const int32_t labels[] = {XENT_I16, XENT_I32, XENT_I64};
  if (kind == 1) { /* labels, of which some may be ignored */
    m->arrays[TARGETS] = make(m->outer, 1, m->inner, labels[below(3)], false);
    if (one_in(2)) m->options.has_ignore_index = 1, m->options.ignore_index = one_in(2) ? -100 : below(m->classes);
    for (int64_t row = 0; row < m->rows; row++)
      put(&m->arrays[TARGETS], row, 0, m->options.has_ignore_index && one_in(3) ? (double)m->options.ignore_index
                                                                                : (double)below(m->classes));
  } else if (kind == 2) {
    m->arrays[TARGETS] = make(m->outer, m->classes, m->inner, any_float(), false);
    for (int64_t row = 0; row < m->rows; row++)
      for (int64_t k = 0; k < m->classes; k++)
        put(&m->arrays[TARGETS], row, k, one_in(3) ? 0 : 2 * random_unit(&source) / (double)m->classes);
  } else if (kind == 3) {
    m->targets = 1 + below(4);
    m->arrays[TARGETS] = make(m->outer, m->targets, m->inner, labels[below(3)], false);
    m->arrays[TARGET_WEIGHTS] = make(m->outer, m->targets, m->inner, any_float(), false);
    for (int64_t row = 0; row < m->rows; row++)
      for (int64_t k = 0; k < m->targets; k++) {
        put(&m->arrays[TARGETS], row, k, (double)below(m->classes));
        put(&m->arrays[TARGET_WEIGHTS], row, k, random_unit(&source));
      }
  }
}

static void any_options(mixture *m, int kind) {
  xent_options *o = &m->options;
  if (one_in(3)) o->temperature = 0.25 + 2 * random_unit(&source);
  if (one_in(4)) o->softcap = 5 + 30 * random_unit(&source);
  o->fully_masked = one_in(2) ? XENT_FULLY_MASKED_ZERO : XENT_FULLY_MASKED_NAN;
  if (kind == 0) return;
  if (one_in(3)) o->label_smoothing = random_unit(&source) * (one_in(2) ? 1 : 0.2);
  else if (one_in(4)) o->probability_clamp = 1e-3;
  if (kind == 1 && one_in(3)) o->smoothing = XENT_SMOOTHING_OTHERS;
  if (one_in(3)) o->z_loss = 1e-3;
  if (one_in(2)) o->gradient_scale = one_in(9) ? -0.0 : 3 * (double)random_normal(&source);
}

static void any_masks(mixture *m, int kind) {
  if (!one_in(3)) return;
  placed *mask = &m->arrays[MASK], *targets = &m->arrays[TARGETS];
  *mask = make(m->outer, m->classes, m->inner, XENT_U8, one_in(2));
  const int64_t rare = 1 + below(4);
  for (int64_t row = 0; row < m->rows; row++)
    for (int64_t k = 0; k < m->classes; k++) put(mask, row, k, one_in(rare + 1) ? 0 : 1);
  for (int64_t row = 0; (kind == 1 || kind == 3) && row < m->rows; row++) /* labels take part */
    for (int64_t i = 0; i < (kind == 1 ? 1 : m->targets); i++)
      if (get(targets, row, i) >= 0) put(mask, row, (int64_t)get(targets, row, i), 1);
}

static void add_output(mixture *m, int which, placed p) {
  m->arrays[which] = p;
  p.a.data = must_allocate(p.a.bytes + 1);
  memset(p.a.data, FILLED, p.a.bytes);
  m->arrays[which].expected = p.a;
}
static void any_outputs(mixture *m, int kind) {
  if (one_in(2)) add_output(m, LOGITS, make(m->outer, m->classes, m->inner, XENT_F32, false));
  const int64_t rare = one_in(2) ? 2 : 30; /* most calls have only a loss and gradients */
  static const int plain[] = {LSE, ARGMAX, ENTROPIES, LOSSES, CORRECT, LOG_PROBABILITIES, RANKS};
  for (int i = 0; i < 7; i++) {
    const int o = plain[i];
    const bool of_targets = o == LOSSES, of_labels = o == CORRECT || o == LOG_PROBABILITIES || o == RANKS;
    if ((of_targets && kind == 0) || (of_labels && kind != 1)) continue;
    if (!one_in(o == LOSSES || o == LSE || o == CORRECT || o == LOG_PROBABILITIES ? 2 : rare)) continue;
    const int32_t type = o == CORRECT                   ? XENT_U8
                         : o == ARGMAX || o == RANKS ? (one_in(2) ? XENT_I32 : XENT_I64)
                                                     : any_float();
    add_output(m, o, make(m->outer, 1, m->inner, type, false));
  }
  if (one_in(rare)) {
    m->top = 1 + below(m->classes < 20 ? m->classes : 20);
    add_output(m, TOP_CLASSES, make(m->outer, m->top, m->inner, XENT_I32, false));
    if (one_in(2)) add_output(m, TOP_LOGS, make(m->outer, m->top, m->inner, any_float(), false));
  }
  if (kind >= 2 && one_in(rare))
    add_output(m, TARGET_GRADIENT, make(m->outer, kind == 2 ? m->classes : m->targets, m->inner, any_float(), false));
  if (kind == 0) return;
  if (one_in(2)) add_output(m, HIDDEN_GRADIENT, make(m->outer, m->features, m->inner, any_float(), false));
  if (one_in(2)) add_output(m, WEIGHTS_GRADIENT, make(m->classes, m->features, 1, any_float(), false));
  if (one_in(2)) add_output(m, BIAS_GRADIENT, make(1, m->classes, 1, any_float(), false));
  m->with_statistics = one_in(2);
  m->with_exact_sum = one_in(2);
}

static float *floats_of(const placed *p, int64_t rows, int64_t n) {
  float *x = must_allocate((size_t)(rows * n) * sizeof *x);
  for (int64_t row = 0; row < rows; row++)
    for (int64_t k = 0; k < n; k++) x[row * n + k] = (float)get(p, row, k);
  return x;
}

static mixture any_mixture(void) {
  mixture m = {.options = xent_default_options()};
  any_shape(&m);
  const int kind = one_in(2) ? 1 : (int)below(4); /* no targets, labels, probability rows, sparse rows */
  m.arrays[HIDDEN] = make(m.outer, m.features, m.inner, any_float(), false);
  m.arrays[WEIGHTS] = make(m.classes, m.features, 1, any_float(), false);
  fill(&m.arrays[HIDDEN], m.rows, m.features, one_in(9) ? 300 : 1);
  fill(&m.arrays[WEIGHTS], m.classes, m.features, one_in(9) ? 300 : 1 / sqrt((double)m.features));
  if (one_in(3)) fill_edges(&m.arrays[HIDDEN], m.rows, m.features);
  if (one_in(5)) fill_edges(&m.arrays[WEIGHTS], m.classes, m.features);
  if (one_in(2)) {
    m.arrays[BIAS] = make(1, m.classes, 1, any_float(), false);
    fill(&m.arrays[BIAS], 1, m.classes, one_in(9) ? 30000 : 1);
    if (one_in(9)) put(&m.arrays[BIAS], 0, below(m.classes), -INFINITY);
  }
  any_targets(&m, kind);
  any_options(&m, kind);
  any_masks(&m, kind);
  if (kind && one_in(3)) {
    m.arrays[CLASS_WEIGHTS] = make(1, m.classes, 1, any_float(), false);
    for (int64_t k = 0; k < m.classes; k++)
      put(&m.arrays[CLASS_WEIGHTS], 0, k, one_in(9) ? 0 : 2 * random_unit(&source));
  }
  if (kind && one_in(3)) {
    m.arrays[ROW_WEIGHTS] = make(m.outer, 1, m.inner, any_float(), false);
    for (int64_t row = 0; row < m.rows; row++)
      put(&m.arrays[ROW_WEIGHTS], row, 0, one_in(4) ? 0 : 2 * random_unit(&source));
  }
  if (one_in(4)) {
    m.arrays[SINK] = make(m.outer, 1, m.inner, any_float(), one_in(2));
    fill(&m.arrays[SINK], m.rows, 1, 3);
  }
  any_outputs(&m, kind);
  m.hidden = floats_of(&m.arrays[HIDDEN], m.rows, m.features);
  m.weights = floats_of(&m.arrays[WEIGHTS], m.classes, m.features);
  if (m.arrays[BIAS].a.data) m.bias = floats_of(&m.arrays[BIAS], 1, m.classes);
  return m;
}

static void release_mixture(mixture *m) {
  for (int i = 0; i < ARRAYS; i++) release(&m->arrays[i]);
  free(m->hidden), free(m->weights), free(m->bias), free(m->logits), free(m->gradient), free(m->statistics);
}

/* ---- what is expected ---- */

static bool has(const mixture *m, int which) { return m->arrays[which].a.data != NULL; }
static bool has_gradients(const mixture *m) {
  return has(m, HIDDEN_GRADIENT) || has(m, WEIGHTS_GRADIENT) || has(m, BIAS_GRADIENT);
}
static xent_sizes sizes_of(const mixture *m) {
  return (xent_sizes){.outer = m->outer, .classes = m->classes, .inner = m->inner};
}

static void expect_gradients(mixture *m) {
  const int64_t rows = m->end - m->begin, n = m->classes, d = m->features;
  placed *a = m->arrays;
  const float *g = m->gradient + m->begin * n, *x = m->hidden + m->begin * d;
  for (int64_t row = 0; has(m, HIDDEN_GRADIENT) && row < rows; row++)
    for (int64_t k = 0; k < d; k++) {
      const float v =
          contract_linear_gradient((contract_terms){g + row * n, 1}, (contract_terms){m->weights + k, d}, n);
      set_number(&a[HIDDEN_GRADIENT].expected, place_of(&a[HIDDEN_GRADIENT], m->begin + row, k), (double)v);
    }
  for (int64_t v = 0; v < n; v++) {
    const contract_terms own = {g + v, n};
    for (int64_t k = 0; has(m, WEIGHTS_GRADIENT) && k < d; k++)
      set_number(&a[WEIGHTS_GRADIENT].expected, place_of(&a[WEIGHTS_GRADIENT], v, k),
                 (double)contract_linear_gradient(own, (contract_terms){x + k, d}, rows));
    if (has(m, BIAS_GRADIENT))
      set_number(&a[BIAS_GRADIENT].expected, place_of(&a[BIAS_GRADIENT], 0, v),
                 (double)contract_linear_gradient(own, (contract_terms){NULL, 0}, rows));
  }
}

#define IN(which) {m->arrays[which].a.data, m->arrays[which].a.layout}
#define EXPECTED(which) {m->arrays[which].expected.data, m->arrays[which].a.layout}
#define OUT(which) {m->arrays[which].a.data, m->arrays[which].a.layout}

static void expect(mixture *m) {
  const int64_t n = m->classes, d = m->features;
  const size_t bytes = (size_t)(m->rows * n) * sizeof(float);
  m->logits = must_allocate(bytes);
  m->gradient = must_allocate(bytes);
  m->statistics = must_allocate((size_t)m->rows * sizeof *m->statistics);
  memset(m->statistics, FILLED, (size_t)m->rows * sizeof *m->statistics);
  for (int64_t row = 0; row < m->rows; row++)
    for (int64_t v = 0; v < n; v++)
      m->logits[row * n + v] =
          contract_logit((contract_terms){m->hidden + row * d, 1}, (contract_terms){m->weights + v * d, 1}, d,
                         m->bias ? m->bias + v : NULL);
  for (int64_t row = m->begin; has(m, LOGITS) && row < m->end; row++)
    for (int64_t v = 0; v < n; v++) {
      const float logit = m->logits[row * n + v];
      set_number(&m->arrays[LOGITS].expected, place_of(&m->arrays[LOGITS], row, v), logit == logit ? logit : NAN);
    }
  m->exact_sum = xent_empty_exact_sum();
  m->report = (xent_report){.size = sizeof m->report};
  const xent_range rows = {m->begin, m->end};
  const xent_layout dense = xent_per_class(n, m->inner, XENT_F32);
  xent_layout by_row = {.outer = m->inner * n, .classes = 1, .inner = n, .type = XENT_F32};
  if (m->inner == 1) by_row = dense;
  const xent_cross_entropy_call call = {.size = sizeof call,
                                        .sizes = sizes_of(m),
                                        .target_count = m->targets, .top_count = m->top,
                                        .rows = &rows,
                                        .options = &m->options,
                                        .report = &m->report,
                                        .logits = {m->logits, by_row},
                                        .targets = IN(TARGETS),
                                        .target_weights = IN(TARGET_WEIGHTS),
                                        .class_mask = IN(MASK),
                                        .class_weights = IN(CLASS_WEIGHTS),
                                        .row_weights = IN(ROW_WEIGHTS),
                                        .sink = IN(SINK),
                                        .losses = EXPECTED(LOSSES),
                                        .log_sum_exp = EXPECTED(LSE),
                                        .correct = EXPECTED(CORRECT),
                                        .log_probabilities = EXPECTED(LOG_PROBABILITIES),
                                        .argmax = EXPECTED(ARGMAX),
                                        .ranks = EXPECTED(RANKS),
                                        .entropies = EXPECTED(ENTROPIES),
                                        .top_classes = EXPECTED(TOP_CLASSES),
                                        .top_log_probabilities = EXPECTED(TOP_LOGS),
                                        .target_gradient = EXPECTED(TARGET_GRADIENT),
                                        .gradient = {has_gradients(m) ? m->gradient : NULL, by_row},
                                        .statistics = m->with_statistics ? m->statistics : NULL,
                                        .exact_sum = m->with_exact_sum ? &m->exact_sum : NULL};
  m->status = xent_cross_entropy(&call);
  must(m->status, "cross-entropy of the logits");
  if (has_gradients(m)) expect_gradients(m);
}

/* ---- the call ---- */

static int32_t contents_of(const mixture *m) {
  const bool terms_clamped =
      m->options.probability_clamp > 0 && has(m, TARGETS) &&
      (m->targets || (m->arrays[TARGETS].a.layout.type != XENT_I16 && m->arrays[TARGETS].a.layout.type != XENT_I32 &&
                      m->arrays[TARGETS].a.layout.type != XENT_I64));
  const bool whole = has(m, ARGMAX) || has(m, RANKS) || has(m, ENTROPIES) || has(m, TOP_CLASSES) ||
                     has(m, TARGET_GRADIENT) || terms_clamped;
  const bool of_weights = has(m, WEIGHTS_GRADIENT) || has(m, BIAS_GRADIENT);
  return (has(m, HIDDEN_GRADIENT) ? XENT_WORKSPACE_HIDDEN_GRADIENT : 0) |
         (of_weights ? XENT_WORKSPACE_WEIGHTS_GRADIENT : 0) | (whole ? XENT_WORKSPACE_WHOLE_ROWS : 0);
}

static void describe(const mixture *m, int32_t isa, uint64_t workspace) {
  const xent_options *o = &m->options;
  fprintf(stderr,
          "  %s, rows [%lld, %lld) of %lld x %lld, %lld features, %lld classes, types %d %d, %lld targets%s, "
          "workspace %llu, "
          "smoothing %g, softcap %g, temperature %g, z-loss %g, clamp %g, scale %g",
          xent_isa_name(isa), (long long)m->begin, (long long)m->end, (long long)m->outer, (long long)m->inner,
          (long long)m->features, (long long)m->classes, m->arrays[HIDDEN].a.layout.type,
          m->arrays[WEIGHTS].a.layout.type, (long long)m->targets, has(m, TARGETS) ? "" : " (none)",
          (unsigned long long)workspace, o->label_smoothing, o->softcap, o->temperature, o->z_loss,
          o->probability_clamp, o->gradient_scale);
  for (int i = 0; i < ARRAYS; i++)
    if (has(m, i)) fprintf(stderr, ", %s", names[i]);
  fprintf(stderr, "\n");
}

static void compare(bool same, const char *what, const mixture *m, int32_t isa, uint64_t workspace) {
  comparisons++;
  if (same || different++ > 20) return;
  fprintf(stderr, "%s differs:\n", what);
  describe(m, isa, workspace);
}
static void compare_output(const mixture *m, int which, int32_t isa, uint64_t workspace) {
  const placed *p = &m->arrays[which];
  values_compared += (uint64_t)p->values;
  compare(!memcmp(p->a.data, p->expected.data, p->a.bytes), names[which], m, isa, workspace);
}

/* A workspace before a closed page. */
typedef struct {
  unsigned char *mapped, *at;
  size_t mapped_bytes;
  uint64_t bytes;
} guarded;

static guarded make_guarded(uint64_t bytes) {
  const size_t page = page_size(), open = ((size_t)bytes + page - 1) / page * page;
  guarded g = {.mapped = closed_pages(open + page), .mapped_bytes = open + page, .bytes = bytes};
  open_pages(g.mapped, open);
  memset(g.mapped, FILLED, open);
  g.at = g.mapped + open - bytes;
  return g;
}

/* Whether xent_workspace returns the sizes of this call, and within the size that it has. */
static bool has_workspace(int32_t function, void *call, uint64_t *workspace_size, uint64_t fastest, uint64_t least,
                          uint64_t most) {
  const uint64_t size = *workspace_size, limits[] = {0, 1, UINT64_MAX, size};
  uint64_t found[4];
  for (int i = 0; i < 4; i++) {
    *workspace_size = limits[i];
    found[i] = xent_workspace(function, call);
  }
  *workspace_size = size;
  return found[0] == fastest && found[1] == least && found[2] == most && found[3] >= least && found[3] <= size;
}

static void call_linear(mixture *m, int32_t isa, uint64_t bytes) {
  const size_t statistics_bytes = (size_t)m->rows * sizeof(xent_statistics);
  xent_statistics *statistics = must_allocate(statistics_bytes);
  xent_exact_sum exact_sum = xent_empty_exact_sum();
  xent_report report = {.size = sizeof report};
  xent_options options = m->options;
  options.isa = isa;
  const guarded workspace = make_guarded(bytes);
  memset(statistics, FILLED, statistics_bytes);
  for (int i = OUTPUTS; i < ARRAYS; i++)
    if (has(m, i)) memset(m->arrays[i].a.data, FILLED, m->arrays[i].a.bytes);
  const xent_range rows = {m->begin, m->end};
  xent_linear_cross_entropy_call call = {.size = sizeof call,
                                               .sizes = sizes_of(m),
                                               .features = m->features, .target_count = m->targets, .top_count = m->top,
                                               .rows = &rows,
                                               .options = &options,
                                               .report = &report,
                                               .hidden = IN(HIDDEN),
                                               .weights = IN(WEIGHTS),
                                               .bias = IN(BIAS),
                                               .logits = OUT(LOGITS),
                                               .targets = IN(TARGETS),
                                               .target_weights = IN(TARGET_WEIGHTS),
                                               .class_mask = IN(MASK),
                                               .class_weights = IN(CLASS_WEIGHTS),
                                               .row_weights = IN(ROW_WEIGHTS),
                                               .sink = IN(SINK),
                                               .losses = OUT(LOSSES),
                                               .log_sum_exp = OUT(LSE),
                                               .correct = OUT(CORRECT),
                                               .log_probabilities = OUT(LOG_PROBABILITIES),
                                               .argmax = OUT(ARGMAX),
                                               .ranks = OUT(RANKS),
                                               .entropies = OUT(ENTROPIES),
                                               .top_classes = OUT(TOP_CLASSES),
                                               .top_log_probabilities = OUT(TOP_LOGS),
                                               .target_gradient = OUT(TARGET_GRADIENT),
                                               .hidden_gradient = OUT(HIDDEN_GRADIENT),
                                               .weights_gradient = OUT(WEIGHTS_GRADIENT),
                                               .bias_gradient = OUT(BIAS_GRADIENT),
                                               .statistics = m->with_statistics ? statistics : NULL,
                                               .exact_sum = m->with_exact_sum ? &exact_sum : NULL,
                                               .workspace = workspace.at,
                                               .workspace_size = bytes};
  const int64_t count = m->end - m->begin;
  const int32_t contents = contents_of(m), kept = call.logits.address ? 0 : XENT_WORKSPACE_LOGITS;
  compare(has_workspace(XENT_FUNCTION_LINEAR_CROSS_ENTROPY, &call, &call.workspace_size,
                        xent_linear_workspace(count, m->features, m->classes, contents),
                        xent_linear_workspace(count, m->features, m->classes, contents | XENT_WORKSPACE_LEAST),
                        xent_linear_workspace(count, m->features, m->classes, contents | kept)),
          "xent_workspace", m, isa, bytes);
  const xent_status status = xent_linear_cross_entropy(&call);
  calls++;
  if (status) {
    fprintf(stderr, "%s: %s %lld\n", xent_status_message(status), xent_field_name(report.field),
            (long long)report.integer);
    describe(m, isa, bytes);
    exit(1);
  }
  for (int i = OUTPUTS; i < ARRAYS; i++)
    if (has(m, i)) compare_output(m, i, isa, bytes);
  if (m->with_statistics) compare(!memcmp(statistics, m->statistics, statistics_bytes), "statistics", m, isa, bytes);
  if (m->with_exact_sum) compare(!memcmp(&exact_sum, &m->exact_sum, sizeof exact_sum), "exact_sum", m, isa, bytes);
  compare(report.valid_rows == m->report.valid_rows && report.unfinished == 0 &&
              report.denominator == m->report.denominator,
          "report", m, isa, bytes);
  release_pages(workspace.mapped, workspace.mapped_bytes);
  free(statistics);
}

/* ---- in parts ---- */

static int64_t end_of_part(int64_t begin, int64_t end) { return one_in(3) ? end : begin + 1 + below(end - begin); }

/* The backward of a range of rows and of classes; `wanted` has a bit for each gradient. */
static void call_backward(mixture *m, int32_t isa, xent_range rows, xent_range classes, uint32_t wanted,
                          const placed *upstream) {
  xent_options options = m->options;
  xent_report report = {.size = sizeof report};
  options.isa = isa;
  const int32_t contents = (wanted >> HIDDEN_GRADIENT & 1 ? XENT_WORKSPACE_HIDDEN_GRADIENT : 0) |
                           (wanted >> WEIGHTS_GRADIENT & 3 ? XENT_WORKSPACE_WEIGHTS_GRADIENT : 0) |
                           (one_in(2) ? XENT_WORKSPACE_LEAST : 0);
  const guarded workspace = make_guarded(
      xent_linear_workspace(rows.end - rows.begin, m->features, classes.end - classes.begin, contents));
#define WANTED(which) {wanted >> (which) & 1 ? m->arrays[which].a.data : NULL, m->arrays[which].a.layout}
  const xent_linear_cross_entropy_backward_call call = {.size = sizeof call,
                                                        .sizes = sizes_of(m),
                                                        .features = m->features, .target_count = m->targets,
                                                        .rows = &rows,
                                                        .classes = &classes,
                                                        .options = &options,
                                                        .report = &report,
                                                        .hidden = IN(HIDDEN),
                                                        .weights = IN(WEIGHTS),
                                                        .bias = IN(BIAS),
                                                        .logits = IN(LOGITS),
                                                        .targets = IN(TARGETS),
                                                        .target_weights = IN(TARGET_WEIGHTS),
                                                        .class_mask = IN(MASK),
                                                        .class_weights = IN(CLASS_WEIGHTS),
                                                        .row_weights = IN(ROW_WEIGHTS),
                                                        .statistics = m->statistics,
                                                        .upstream = {upstream->a.data, upstream->a.layout},
                                                        .hidden_gradient = WANTED(HIDDEN_GRADIENT),
                                                        .weights_gradient = WANTED(WEIGHTS_GRADIENT),
                                                        .bias_gradient = WANTED(BIAS_GRADIENT),
                                                        .workspace = workspace.at,
                                                        .workspace_size = workspace.bytes};
  compare(xent_workspace(XENT_FUNCTION_LINEAR_CROSS_ENTROPY_BACKWARD, &call) <= workspace.bytes, "xent_workspace", m,
          isa, workspace.bytes);
  const xent_status status = xent_linear_cross_entropy_backward(&call);
  calls++;
  release_pages(workspace.mapped, workspace.mapped_bytes);
  if (!status) return;
  fprintf(stderr, "backward: %s %s %lld\n", xent_status_message(status), xent_field_name(report.field),
          (long long)report.integer);
  describe(m, isa, workspace.bytes);
  exit(1);
}

/* Hidden gradients by rows, those of weights and bias by classes, from statistics and an upstream of each row. */
static void check_backward(mixture *m) {
  if (!m->with_statistics || !has_gradients(m) || m->begin == m->end) return;
  placed upstream = make(m->outer, 1, m->inner, any_float(), one_in(3));
  for (int64_t row = 0; row < m->rows; row++) put(&upstream, row, 0, (double)random_normal(&source));
  xent_layout by_row = {.outer = m->inner * m->classes, .classes = 1, .inner = m->classes, .type = XENT_F32};
  const xent_range rows = {m->begin, m->end};
  const xent_cross_entropy_backward_call call = {.size = sizeof call,
                                                 .sizes = sizes_of(m),
                                                 .target_count = m->targets,
                                                 .rows = &rows,
                                                 .options = &m->options,
                                                 .logits = {m->logits, by_row},
                                                 .targets = IN(TARGETS),
                                                 .target_weights = IN(TARGET_WEIGHTS),
                                                 .class_mask = IN(MASK),
                                                 .class_weights = IN(CLASS_WEIGHTS),
                                                 .row_weights = IN(ROW_WEIGHTS),
                                                 .statistics = m->statistics,
                                                 .upstream = {upstream.a.data, upstream.a.layout},
                                                 .gradient = {m->gradient, by_row}};
  must(xent_cross_entropy_backward(&call), "backward of the logits");
  expect_gradients(m);
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    for (int i = HIDDEN_GRADIENT; i < ARRAYS; i++)
      if (has(m, i)) memset(m->arrays[i].a.data, FILLED, m->arrays[i].a.bytes);
    const uint32_t of_weights = (uint32_t)has(m, WEIGHTS_GRADIENT) << WEIGHTS_GRADIENT |
                                (uint32_t)has(m, BIAS_GRADIENT) << BIAS_GRADIENT;
    const xent_range all = {0, m->classes};
    for (xent_range part = {m->begin, m->begin}; has(m, HIDDEN_GRADIENT) && part.end < m->end; part.begin = part.end) {
      part.end = end_of_part(part.begin, m->end);
      call_backward(m, isa, part, all, 1u << HIDDEN_GRADIENT, &upstream);
    }
    for (xent_range part = {0, 0}; of_weights && part.end < m->classes; part.begin = part.end) {
      part.end = end_of_part(part.begin, m->classes);
      call_backward(m, isa, rows, part, of_weights, &upstream);
    }
    call_backward(m, isa, rows, all, 0, &upstream);
    for (int i = HIDDEN_GRADIENT; i < ARRAYS; i++)
      if (has(m, i)) compare_output(m, i, isa, 0);
  }
  release(&upstream);
}

/* The address of a class in an array with a number, or a row of numbers, per class. */
static xent_input from_class(const placed *p, int64_t class, int64_t stride) {
  const int64_t at = class * stride * (int64_t)size_of_type(p->a.layout.type);
  return (xent_input){p->a.data ? (char *)p->a.data + at : NULL, p->a.layout};
}

/* States of the classes from `first` on, as a separate shard if that is not 0, range by range. */
static void check_states_of(mixture *m, int32_t isa, int64_t first) {
  const int64_t n = m->classes - first, chunks = xent_chunks(n), rows = m->end - m->begin;
  const size_t bytes = (size_t)(rows * chunks) * sizeof(xent_state);
  xent_state *expected = must_allocate(bytes), *states = must_allocate(bytes);
  xent_statistics *statistics = must_allocate((size_t)m->rows * sizeof *statistics);
  xent_options options = m->options;
  xent_report report = {.size = sizeof report};
  xent_sizes sizes = sizes_of(m);
  sizes.classes = n;
  const int64_t all = first ? m->classes : 0;
  const xent_range of_rows = {m->begin, m->end};
  const xent_layout by_row = {.outer = m->inner * m->classes, .classes = 1, .inner = m->classes, .type = XENT_F32};
  const placed *t = &m->arrays[TARGETS];
  const bool dense = has(m, TARGETS) && !m->targets && t->a.layout.type <= XENT_BF16;
  const xent_input targets = from_class(t, dense ? first : 0, t->a.layout.classes),
                   mask = from_class(&m->arrays[MASK], first, m->arrays[MASK].a.layout.classes),
                   class_weights =
                       from_class(&m->arrays[CLASS_WEIGHTS], first, m->arrays[CLASS_WEIGHTS].a.layout.classes);
  for (int round = 0; round < 2; round++) {
    memset(expected, FILLED, bytes), memset(states, FILLED, bytes);
    const xent_forward_states_call forward = {.size = sizeof forward, .sizes = sizes, .rows = &of_rows,
                                              .target_count = m->targets, .first_class = first, .all_classes = all,
                                              .options = &m->options, .logits = {m->logits + first, by_row},
                                              .targets = targets, .target_weights = IN(TARGET_WEIGHTS),
                                              .class_mask = mask, .class_weights = class_weights,
                                              .statistics = round ? statistics : NULL, .states = expected};
    const xent_status status = xent_forward_states(&forward);
    options.isa = isa;
    for (xent_range part = {0, 0}; part.end < n; part.begin = part.end) {
      part.end = one_in(2) ? n : part.begin + XENT_CHUNK < n ? part.begin + XENT_CHUNK : n;
      const guarded workspace = make_guarded(
          xent_linear_workspace(rows, m->features, part.end - part.begin, one_in(2) ? XENT_WORKSPACE_LEAST : 0));
      const xent_linear_states_call call = {.size = sizeof call, .sizes = sizes, .rows = &of_rows, .classes = &part,
                                            .features = m->features, .target_count = m->targets,
                                            .first_class = first, .all_classes = all,
                                            .options = &options, .report = &report, .hidden = IN(HIDDEN),
                                            .weights = from_class(&m->arrays[WEIGHTS], first,
                                                                  m->arrays[WEIGHTS].a.layout.outer),
                                            .bias = from_class(&m->arrays[BIAS], first,
                                                               m->arrays[BIAS].a.layout.classes),
                                            .targets = targets, .target_weights = IN(TARGET_WEIGHTS),
                                            .class_mask = mask, .class_weights = class_weights,
                                            .statistics = round ? statistics : NULL, .states = states,
                                            .workspace = workspace.at, .workspace_size = workspace.bytes};
      compare(xent_linear_states(&call) == status, "the status of states", m, isa, workspace.bytes);
      calls++;
      release_pages(workspace.mapped, workspace.mapped_bytes);
    }
    if (!status) compare(!memcmp(states, expected, bytes), "states", m, isa, (uint64_t)first);
    if (status || first) break;
    const xent_finish_call finish = {.size = sizeof finish, .sizes = sizes, .rows = &of_rows, .options = &m->options,
                                     .target_count = m->targets,
                                     .report = &report, .logits_type = XENT_F32, .states = states,
                                     .targets = IN(TARGETS), .class_weights = IN(CLASS_WEIGHTS),
                                     .row_weights = IN(ROW_WEIGHTS), .sink = IN(SINK), .statistics = statistics};
    if (!round) must(xent_finish(&finish), "finish");
    if (!report.unfinished) break;
  }
  free(expected), free(states), free(statistics);
}
static void check_states(mixture *m) {
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    check_states_of(m, isa, 0);
    if (m->classes > XENT_CHUNK) check_states_of(m, isa, XENT_CHUNK);
  }
}

static void run_mixture(void) {
  mixture made = any_mixture(), *m = &made;
  expect(m);
  const int32_t contents = contents_of(m);
  const int64_t rows = m->end - m->begin;
  const uint64_t least = xent_linear_workspace(rows, m->features, m->classes, contents | XENT_WORKSPACE_LEAST);
  const uint64_t most =
      xent_linear_workspace(rows, m->features, m->classes, contents | (one_in(3) ? 0 : XENT_WORKSPACE_LOGITS));
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    call_linear(m, isa, most);
    call_linear(m, isa,
                one_in(2) ? least : least + (uint64_t)below((int64_t)(most - least) + 1) / ALIGNMENT * ALIGNMENT);
  }
  if (one_in(2)) check_backward(m);
  if (one_in(2)) check_states(m);
  release_mixture(m);
}

/* ---- accuracy ---- */

/* The largest error as a share of the bound, of logits through log-sum-exp of one class, and of gradients. */
static void check_bounds(void) {
  enum { M = 150, D = 700 };
  float *x = must_allocate(M * D * sizeof *x), *w = must_allocate(M * D * sizeof *w), lse[M];
  const double u = 0x1p-24;
  double worst = 0;
  for (int kind = 0; kind < 3; kind++)
    for (int64_t d = 1; d <= D; d += d < 10 ? 1 : 97) {
      const int64_t bound_terms = d < BLOCK ? d : BLOCK;
      for (int64_t i = 0; i < M * d; i++) {
        const float g = random_normal(&source), h = random_normal(&source);
        x[i] = kind == 0 ? g : kind == 1 ? fabsf(g) : g * g * g;
        w[i] = kind == 0 ? h : kind == 1 ? fabsf(h) : h * h * h;
      }
      const uint64_t bytes = xent_linear_workspace(M, d, 1, 0);
      const guarded workspace = make_guarded(bytes);
      for (int64_t v = 0; v < M; v += 7) { /* the logit of a lone class is log-sum-exp */
        const xent_linear_cross_entropy_call call = {
            .size = sizeof call, .sizes = {.outer = M, .classes = 1, .inner = 1}, .features = d,
            .hidden = {x, layout_of(d, 1, 0, XENT_F32)}, .weights = {w + v * d, layout_of(d, 1, 0, XENT_F32)},
            .log_sum_exp = {lse, xent_per_row(XENT_F32)}, .workspace = workspace.at, .workspace_size = bytes};
        must(xent_linear_cross_entropy(&call), "a lone class");
        for (int64_t row = 0; row < M; row++) {
          long double exact = 0, magnitude = 0;
          for (int64_t k = 0; k < d; k++) {
            const long double product = (long double)x[row * d + k] * (long double)w[v * d + k];
            exact += product;
            magnitude += fabsl(product);
          }
          const double share = (double)(fabsl((long double)lse[row] - exact) /
                                        (((long double)bound_terms + 1.01L) * (long double)u * magnitude));
          if (share > worst) worst = share;
        }
      }
      release_pages(workspace.mapped, workspace.mapped_bytes);
    }
  free(x), free(w);
  printf("error of logits: at most %.3f of the bound\n", worst);
  if (!(worst > 0 && worst <= 1)) different++;
}

/* ---- bad input ---- */

static void refused(const char *what, xent_status expected, int32_t field, const xent_linear_cross_entropy_call *call) {
  xent_linear_cross_entropy_call copy = *call;
  xent_report report = {.size = sizeof report};
  copy.report = &report;
  const xent_status status = xent_linear_cross_entropy(&copy);
  comparisons++;
  const bool ran = status == XENT_OK || status == XENT_INVALID_LABEL;
  if (status == expected && report.field == field && (ran || report.path == XENT_PATH_NONE)) return;
  different++;
  fprintf(stderr, "%s: status %d, field %s, path %d\n", what, status, xent_field_name(report.field), report.path);
}

static void check_bad_input(void) {
  enum { M = 3, D = 5, V = 7 };
  static float x[M * D], w[V * D], losses[M], logits[M * V], dx[M * D], dw[V * D], db[V];
  static int32_t labels[M] = {1, 2, 3};
  static _Alignas(64) char workspace[1 << 20];
  const xent_layout hidden = layout_of(D, 1, 0, XENT_F32), row = xent_per_row(XENT_F32);
  const xent_linear_cross_entropy_call good = {.size = sizeof good,
                                               .sizes = {.outer = M, .classes = V, .inner = 1},
                                               .features = D,
                                               .hidden = {x, hidden},
                                               .weights = {w, hidden},
                                               .targets = {labels, xent_per_row(XENT_I32)},
                                               .losses = {losses, row},
                                               .hidden_gradient = {dx, hidden},
                                               .weights_gradient = {dw, hidden},
                                               .bias_gradient = {db, layout_of(0, 1, 0, XENT_F32)},
                                               .workspace = workspace,
                                               .workspace_size = sizeof workspace};
  xent_linear_cross_entropy_call c = good;
  refused("a good call", XENT_OK, XENT_FIELD_NONE, &c);
#define BAD(what, change, status, field)              \
  c = good;                                           \
  change;                                             \
  refused(what, status, XENT_FIELD_##field, &c)
  BAD("no features", c.features = 0, XENT_INVALID_SHAPE, FEATURES);
  BAD("fewer than no features", c.features = -1, XENT_INVALID_SHAPE, FEATURES);
  BAD("no classes", c.sizes.classes = 0, XENT_INVALID_SHAPE, CLASSES);
  BAD("no hidden", c.hidden.address = NULL, XENT_INVALID_ARGUMENT, HIDDEN);
  BAD("no weights", c.weights.address = NULL, XENT_INVALID_ARGUMENT, WEIGHTS);
  BAD("hidden in float64", c.hidden.layout.type = XENT_F64, XENT_UNSUPPORTED, HIDDEN);
  BAD("weights that are integers", c.weights.layout.type = XENT_I8, XENT_UNSUPPORTED, WEIGHTS);
  BAD("weights of no type", c.weights.layout.type = 99, XENT_INVALID_ARGUMENT, WEIGHTS);
  BAD("a negative stride", c.weights.layout.outer = -1, XENT_INVALID_SHAPE, WEIGHTS);
  BAD("a stride beyond 64 bits", c.weights.layout.outer = INT64_MAX / 2, XENT_INVALID_SHAPE, WEIGHTS);
  BAD("misaligned weights", c.weights.address = (char *)w + 1, XENT_INVALID_ARGUMENT, WEIGHTS);
  BAD("logits in bfloat16", c.logits = ((xent_output){logits, layout_of(V, 1, 0, XENT_BF16)}), XENT_UNSUPPORTED,
      LOGITS);
  BAD("logits over a gradient", c.logits = ((xent_output){dw, layout_of(V, 1, 0, XENT_F32)}), XENT_OVERLAP, LOGITS);
  BAD("sparse targets without weights", c.target_count = 1, XENT_INVALID_ARGUMENT, TARGET_WEIGHTS);
  BAD("a gradient over the weights", c.weights_gradient.address = w, XENT_OVERLAP, WEIGHTS_GRADIENT);
  BAD("a gradient over hidden", c.hidden_gradient.address = x, XENT_OVERLAP, HIDDEN_GRADIENT);
  BAD("a gradient whose classes meet", c.weights_gradient.layout.outer = 1, XENT_OVERLAP, WEIGHTS_GRADIENT);
  BAD("gradients that meet", c.bias_gradient.address = dw + 3, XENT_OVERLAP, WEIGHTS_GRADIENT);
  BAD("a gradient without targets", (c.targets.address = NULL, c.losses.address = NULL), XENT_INVALID_ARGUMENT,
      TARGETS);
  BAD("a loss without targets", c.targets.address = NULL, XENT_INVALID_ARGUMENT, TARGETS);
  BAD("no workspace", c.workspace = NULL, XENT_INVALID_ARGUMENT, WORKSPACE);
  BAD("a misaligned workspace", c.workspace = workspace + 8, XENT_INVALID_ARGUMENT, WORKSPACE);
  const uint64_t least = xent_linear_workspace(M, D, V, GRADIENTS | XENT_WORKSPACE_LEAST);
  BAD("a workspace that is too small", c.workspace_size = least - 1, XENT_INVALID_ARGUMENT, WORKSPACE);
  BAD("the least workspace", c.workspace_size = least, XENT_OK, NONE);
  const xent_range beyond = {0, M + 1};
  BAD("rows beyond the last", c.rows = &beyond, XENT_INVALID_ARGUMENT, ROW_RANGE);
  labels[1] = V;
  BAD("a label beyond the classes", (void)0, XENT_INVALID_LABEL, TARGETS);
  labels[1] = 2;
  const struct {
    int64_t rows, features, classes;
  } none[] = {{-1, 1, 1},
              {1, 0, 1},
              {1, 1, 0},
              {INT64_MAX, 1, 1},
              {1, INT64_MAX, 1},
              {1, 1, INT64_MAX},
              {1, INT64_C(1) << 45, INT64_C(1) << 45}};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    const uint64_t size = xent_linear_workspace(none[i].rows, none[i].features, none[i].classes,
                                                GRADIENTS | XENT_WORKSPACE_WHOLE_ROWS | XENT_WORKSPACE_LOGITS);
    comparisons++;
    if (size && i < 6) different++, fprintf(stderr, "a workspace of %" PRIu64 " bytes for case %zu\n", size, i);
  }
}

static void backward_refused(const char *what, xent_status expected, int32_t field,
                             const xent_linear_cross_entropy_backward_call *call) {
  xent_linear_cross_entropy_backward_call copy = *call;
  xent_report report = {.size = sizeof report};
  copy.report = &report;
  const xent_status status = xent_linear_cross_entropy_backward(&copy);
  comparisons++;
  if (status == expected && report.field == field) return;
  different++;
  fprintf(stderr, "backward, %s: status %d, field %s\n", what, status, xent_field_name(report.field));
}
static void states_refused(const char *what, xent_status expected, int32_t field, const xent_linear_states_call *call) {
  xent_linear_states_call copy = *call;
  xent_report report = {.size = sizeof report};
  copy.report = &report;
  const xent_status status = xent_linear_states(&copy);
  comparisons++;
  if (status == expected && report.field == field) return;
  different++;
  fprintf(stderr, "states, %s: status %d, field %s\n", what, status, xent_field_name(report.field));
}

static void check_bad_parts(void) {
  enum { M = 3, D = 5, V = 7 };
  static float x[M * D], w[V * D], losses[M], logits[M * V], dx[M * D], dw[V * D], db[V];
  static int32_t labels[M] = {1, 2, 3};
  static _Alignas(64) char workspace[1 << 20];
  static xent_statistics statistics[M];
  static xent_state states[M];
  const xent_layout hidden = layout_of(D, 1, 0, XENT_F32), row = xent_per_row(XENT_F32);
  const xent_sizes sizes = {.outer = M, .classes = V, .inner = 1};
  const xent_linear_cross_entropy_call forward = {.size = sizeof forward,
                                                  .sizes = sizes,
                                                  .features = D,
                                                  .hidden = {x, hidden},
                                                  .weights = {w, hidden},
                                                  .losses = {losses, row},
                                                  .targets = {labels, xent_per_row(XENT_I32)},
                                                  .statistics = statistics,
                                                  .workspace = workspace,
                                                  .workspace_size = sizeof workspace};
  must(xent_linear_cross_entropy(&forward), "forward");
  const xent_linear_cross_entropy_backward_call good = {.size = sizeof good,
                                                        .sizes = sizes,
                                                        .features = D,
                                                        .hidden = {x, hidden},
                                                        .weights = {w, hidden},
                                                        .targets = {labels, xent_per_row(XENT_I32)},
                                                        .statistics = statistics,
                                                        .hidden_gradient = {dx, hidden},
                                                        .weights_gradient = {dw, hidden},
                                                        .bias_gradient = {db, layout_of(0, 1, 0, XENT_F32)},
                                                        .workspace = workspace,
                                                        .workspace_size = sizeof workspace};
  xent_linear_cross_entropy_backward_call b = good;
  backward_refused("a good call", XENT_OK, XENT_FIELD_NONE, &b);
  const xent_range some = {2, 5}, beyond = {2, V + 1}, backwards = {5, 2}, none = {2, 2}, rows_beyond = {0, M + 1};
#define BAD_BACKWARD(what, change, status, field) \
  b = good;                                       \
  change;                                         \
  backward_refused(what, status, XENT_FIELD_##field, &b)
  BAD_BACKWARD("a hidden gradient of some classes", b.classes = &some, XENT_INVALID_ARGUMENT, HIDDEN_GRADIENT);
  BAD_BACKWARD("of a shard", (b.all_classes = 8192 + V, b.first_class = 8192), XENT_INVALID_ARGUMENT,
               HIDDEN_GRADIENT);
  BAD_BACKWARD("gradients of some classes", (b.classes = &some, b.hidden_gradient.address = NULL), XENT_OK, NONE);
  BAD_BACKWARD("of no classes", (b.classes = &none, b.hidden_gradient.address = NULL), XENT_OK, NONE);
  BAD_BACKWARD("of no gradients", (b.hidden_gradient.address = NULL, b.weights_gradient.address = NULL,
                                   b.bias_gradient.address = NULL), XENT_OK, NONE);
  BAD_BACKWARD("classes beyond the last", b.classes = &beyond, XENT_INVALID_ARGUMENT, CLASS_RANGE);
  BAD_BACKWARD("a range backwards", b.classes = &backwards, XENT_INVALID_ARGUMENT, CLASS_RANGE);
  BAD_BACKWARD("rows beyond the last", b.rows = &rows_beyond, XENT_INVALID_ARGUMENT, ROW_RANGE);
  BAD_BACKWARD("no features", b.features = 0, XENT_INVALID_SHAPE, FEATURES);
  BAD_BACKWARD("no statistics", b.statistics = NULL, XENT_INVALID_ARGUMENT, STATISTICS);
  BAD_BACKWARD("no targets", b.targets.address = NULL, XENT_INVALID_ARGUMENT, TARGETS);
  BAD_BACKWARD("logits in float16", b.logits = ((xent_input){logits, layout_of(V, 1, 0, XENT_F16)}), XENT_UNSUPPORTED,
               LOGITS);
  BAD_BACKWARD("a gradient over the weights", b.weights_gradient.address = w, XENT_OVERLAP, WEIGHTS_GRADIENT);
  BAD_BACKWARD("no workspace", b.workspace = NULL, XENT_INVALID_ARGUMENT, WORKSPACE);
  xent_options options = xent_default_options();
  options.temperature = 2;
  BAD_BACKWARD("statistics of other options", b.options = &options, XENT_INVALID_ARGUMENT, STATISTICS);
  labels[1] = V;
  BAD_BACKWARD("a label beyond the classes", (void)0, XENT_INVALID_LABEL, TARGETS);
  BAD_BACKWARD("such a label, of no classes", (b.classes = &none, b.hidden_gradient.address = NULL),
               XENT_INVALID_LABEL, TARGETS);
  labels[1] = 2;

  const xent_linear_states_call fine = {.size = sizeof fine, .sizes = sizes, .features = D, .hidden = {x, hidden},
                                        .weights = {w, hidden}, .targets = {labels, xent_per_row(XENT_I32)},
                                        .states = states, .workspace = workspace, .workspace_size = sizeof workspace};
  xent_linear_states_call s = fine;
  states_refused("a good call", XENT_OK, XENT_FIELD_NONE, &s);
#define BAD_STATES(what, change, status, field) \
  s = fine;                                     \
  change;                                       \
  states_refused(what, status, XENT_FIELD_##field, &s)
  BAD_STATES("classes that are no chunk", s.classes = &some, XENT_INVALID_ARGUMENT, CLASS_RANGE);
  BAD_STATES("no features", s.features = 0, XENT_INVALID_SHAPE, FEATURES);
  BAD_STATES("no states", s.states = NULL, XENT_INVALID_ARGUMENT, STATES);
  BAD_STATES("no weights", s.weights.address = NULL, XENT_INVALID_ARGUMENT, WEIGHTS);
  BAD_STATES("weights in float64", s.weights.layout.type = XENT_F64, XENT_UNSUPPORTED, WEIGHTS);
  BAD_STATES("a small workspace", s.workspace_size = 64, XENT_INVALID_ARGUMENT, WORKSPACE);
  const xent_range nothing = {0, 0};
  BAD_STATES("of no classes", (s.classes = &nothing, s.workspace = NULL), XENT_OK, NONE);
  labels[1] = V;
  BAD_STATES("a label beyond the classes", (void)0, XENT_INVALID_LABEL, TARGETS);
  BAD_STATES("such a label, of no classes", (s.classes = &nothing, s.workspace = NULL), XENT_INVALID_LABEL, TARGETS);
  BAD_STATES("in a second round that no row needs", s.statistics = statistics, XENT_OK, NONE);
  BAD_STATES("the same of no classes", (s.statistics = statistics, s.classes = &nothing), XENT_OK, NONE);
}

int main(int argc, char **argv) {
  const int64_t times = argc > 1 ? atoll(argv[1]) : 1;
  if (argc > 2) source.state = strtoull(argv[2], NULL, 10);
  check_bad_input();
  check_bad_parts();
  check_bounds();
  for (int64_t i = 0; i < MIXTURES * times; i++) run_mixture();
  printf("%" PRIu64 " calls, %" PRIu64 " values compared, in %" PRIu64 " comparisons %" PRIu64 " differ\n", calls,
         values_compared, comparisons, different);
  return different != 0;
}
