/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampling with every instruction set against the contract program: random mixtures of kinds of rows, filters, rules,
 * ties, penalties, types, layouts, options per row or for all, row ranges and outputs. Every array ends at a page
 * without access, and the bytes between its elements must not change. Outputs of cross-entropy are compared with
 * cross-entropy. Then invalid calls, the published vectors of the random bits, padded rows, and how often tokens are
 * drawn.
 * Usage: sample_test [N [SEED]]   N times the default number of mixtures
 */
#include "pages.h"

#include <inttypes.h>
#include <math.h>

#include "calls.h"
#include "contract/sample.h"
#include "numerics/halves.h"
#include "rows.h"
#include "tiers.h"

enum { MIXTURES = 250, MOST_ROWS = 9, MOST_TOKENS = 40, ALL_EQUAL = 19, KINDS = ROW_KINDS + 10, FILLED = 0xee };

static uint64_t compared, different, rows_sampled;
static random_source source = {11};

static int64_t below(int64_t n) { return random_below(&source, n); }
static bool one_in(int64_t n) { return below(n) == 0; }

/* ---- arrays of any type and layout, before a closed page ------------------------------------------- */

typedef struct {
  bool there;
  xent_layout layout;
  unsigned char *memory, *mapped;
  int64_t bytes, mapped_bytes, inner;
} array;

static int64_t size_of(int32_t type) {
  return type == XENT_U8 || type == XENT_I8 ? 1
         : type == XENT_F16 || type == XENT_BF16 || type == XENT_I16 ? 2
         : type == XENT_F32 || type == XENT_I32 || type == XENT_U32 ? 4 : 8;
}
static int64_t place_of(const array *a, int64_t row, int64_t class) {
  const xent_layout *l = &a->layout;
  return (row / a->inner * l->outer + class * l->classes + row % a->inner * l->inner) * size_of(l->type);
}
static double get(const array *a, int64_t row, int64_t class) {
  const void *p = a->memory + place_of(a, row, class);
  switch (a->layout.type) {
    case XENT_F32: return (double)*(const float *)p;
    case XENT_F16: return (double)widen_f16(*(const uint16_t *)p);
    case XENT_BF16: return (double)widen_bf16(*(const uint16_t *)p);
    case XENT_U8: return *(const uint8_t *)p;
    case XENT_I8: return *(const int8_t *)p;
    case XENT_I16: return *(const int16_t *)p;
    case XENT_I32: return *(const int32_t *)p;
    case XENT_U32: return *(const uint32_t *)p;
    default: return (double)*(const int64_t *)p;
  }
}
static void put_at(void *p, int32_t type, double v) {
  switch (type) {
    case XENT_F32: *(float *)p = v != v ? float_of(0x7fc00000u) : (float)v; break;
    case XENT_F16: *(uint16_t *)p = narrow_f16((float)v); break;
    case XENT_BF16: *(uint16_t *)p = narrow_bf16((float)v); break;
    case XENT_U8: *(uint8_t *)p = (uint8_t)v; break;
    case XENT_I8: *(int8_t *)p = (int8_t)v; break;
    case XENT_I16: *(int16_t *)p = (int16_t)v; break;
    case XENT_I32: *(int32_t *)p = (int32_t)v; break;
    case XENT_U32: *(uint32_t *)p = (uint32_t)v; break;
    default: *(int64_t *)p = (int64_t)v; break;
  }
}
static void put(array *a, int64_t row, int64_t class, double v) {
  put_at(a->memory + place_of(a, row, class), a->layout.type, v);
}

static void clear(array *a) {
  if (a->there) memset(a->memory, FILLED, (size_t)a->bytes);
}

/* n numbers per row; repeated: all rows have the same. */
static array make(int64_t outer, int64_t n, int64_t inner, int32_t type, bool repeated) {
  array a = {.there = true, .inner = inner};
  const int64_t step = one_in(4) ? 1 + below(3) : 1, gap = one_in(3) ? below(3) : 0, page = (int64_t)page_size();
  if (inner > 1)
    a.layout = layout_of(n * (inner * step + gap), inner * step + gap, step, type);
  else
    a.layout = layout_of(n * step + gap, step, 0, type);
  if (n == 1) a.layout.classes = below(5);
  if (repeated) a.layout.outer = a.layout.inner = 0;
  const int64_t last =
      (outer - 1) * a.layout.outer + (n - 1) * (n == 1 ? 0 : a.layout.classes) + (inner - 1) * a.layout.inner;
  a.bytes = (last + 1) * size_of(type);
  a.mapped_bytes = (a.bytes + page - 1) / page * page + page;
  a.mapped = closed_pages((size_t)a.mapped_bytes);
  open_pages(a.mapped, (size_t)(a.mapped_bytes - page));
  a.memory = a.mapped + a.mapped_bytes - page - a.bytes;
  clear(&a);
  return a;
}
static void release(array *a) {
  if (a->there) release_pages(a->mapped, (size_t)a->mapped_bytes);
  a->there = false;
}
static void *address(const array *a) { return a->there ? a->memory : NULL; }

/* ---- one mixture ------------------------------------------------------------------------------------- */

enum { TOKENS, PROCESSED, KEPT, KEPT_MASK, LOG_PROBABILITIES, RANKS, ENTROPIES, TOP_CLASSES, TOP_LOGS, OUTPUTS };
static const char *const output_names[OUTPUTS] = {"token", "processed log-probability", "kept", "kept mask",
                                                  "log-probability", "rank", "entropy", "top classes",
                                                  "top log-probabilities"};

typedef struct {
  int64_t outer, inner, rows, classes, prompt_count, output_count, bias_count, top;
  array x, mask, bits, bias, prompt, output, bias_tokens, bias_values, draft, draft_probabilities, outputs[OUTPUTS],
      expected[OUTPUTS];
  xent_options options;
  xent_sampling sampling[MOST_ROWS];
  bool per_row;
  int kind;
} mixture;

static int64_t numbers_of(const mixture *m, int output) {
  return output == KEPT_MASK ? m->classes : output == TOP_CLASSES || output == TOP_LOGS ? m->top : 1;
}

static int64_t any_classes(void) {
  static const int64_t edges[] = {15,   16,   17,   127,  128,  129,  1000,  1023,  1024, 1025,  2047,
                                  4095, 4096, 4097, 8191, 8192, 8193, 16384, 16385, 20000};
  switch (below(40)) {
    case 0: return 1;
    case 1: return one_in(8) ? 131072 + below(3) : 32000;
    case 2: return one_in(16) ? 262144 + below(3) : 50257;
    case 3: case 4: case 5: case 6: case 7: case 8: return edges[below((int64_t)(sizeof edges / sizeof *edges))];
    case 9: case 10: case 11: case 12: return 1 + below(3000);
    default: return 1 + below(200);
  }
}

static void fill_any_row(float *x, int64_t n, int kind) {
  if (kind < ROW_KINDS) {
    fill_row(x, n, kind, &source);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    const float g = random_normal(&source);
    switch (kind - ROW_KINDS) {
      case 0: x[i] = (float)below(4); break;                                /* many equals */
      case 1: x[i] = g + (one_in(3000) ? 2 * (float)random_unit(&source) : 0); break; /* flat */
      case 2: x[i] = g * 2 + (one_in(1000) ? 12 : 0); break;                /* as a language model's */
      case 3: x[i] = (float)below(3) * 1e-3f + (one_in(50) ? -INFINITY : 0); break;
      case 4: x[i] = widen_bf16(narrow_bf16(g * 0.2f + 20)); break;
      case 5: x[i] = 3 * g; break;                                  /* a few thousand have most of the mass */
      case 6: x[i] = rintf(8 * g) / 8; break;                       /* some thousand of each value */
      case 7: x[i] = (i < n / 2 ? -30000 : -29990) + g; break;      /* shifted; the first ones do not show it */
      case 8: x[i] = (float)(i / 3000 % 7) + (one_in(9) ? g : 0); break; /* adjacent equals */
      default: x[i] = 2 * g;                                        /* one far above all, below */
    }
  }
  if (kind == KINDS - 1) x[below(n)] = (float)below(90);
}

static double any_share(void) {
  static const double usual[] = {0.9, 0.95, 0.5, 0.1, 0.05, 1, 0.99, 1e-9, 0x1p-1074, 0x1.fffffffffffffp-1};
  return one_in(3) ? random_unit(&source) : usual[below(10)];
}

/* Filters that are set, among others, in any order; temperature or not. */
static uint64_t any_order(const xent_sampling *s) {
  const bool set[] = {[XENT_FILTER_TOP_K] = s->top_k != 0, [XENT_FILTER_TOP_P] = s->top_p != 0,
                      [XENT_FILTER_MIN_P] = s->min_p != 0, [XENT_FILTER_TYPICAL_P] = s->typical_p != 0,
                      [XENT_FILTER_TOP_N_SIGMA] = s->top_n_sigma != 0, [XENT_FILTER_XTC] = s->xtc_probability != 0,
                      [XENT_FILTER_TEMPERATURE] = one_in(2)};
  uint64_t order = 0;
  int count = 0, left = XENT_FILTER_TEMPERATURE;
  uint8_t filters[] = {1, 2, 3, 4, 5, 6, 7};
  for (; left > 0; left--) {
    const int64_t at = below(left);
    const uint8_t filter = filters[at];
    filters[at] = filters[left - 1];
    if (set[filter] || one_in(3)) order |= (uint64_t)filter << 8 * count++;
  }
  return order;
}

static xent_sampling any_sampling(int64_t classes) {
  xent_sampling s = xent_default_sampling();
  s.rules = (int32_t)below(5);
  s.ties = (int32_t)below(3);
  s.greedy = one_in(12);
  if (one_in(4)) s.min_keep = one_in(4) ? below(2 * classes + 2) : below(6);
  if (one_in(2)) s.top_k = one_in(3) ? 1 + below(classes + classes / 4 + 1) : 1 + below(60);
  if (one_in(2)) s.top_p = any_share();
  if (one_in(3) && s.rules != XENT_RULES_ONNXRUNTIME_GENAI) s.min_p = any_share();
  if (one_in(3) && s.rules != XENT_RULES_ONNXRUNTIME_GENAI && s.rules != XENT_RULES_VLLM) s.typical_p = any_share();
  if (one_in(2)) s.temperature = one_in(8) ? ldexp(1, (int)below(65) - 32) : 0.1 + 2 * random_unit(&source);
  if (one_in(2)) s.repetition_penalty = one_in(9) ? 1e-30 : 0.5 + random_unit(&source);
  if (one_in(2)) s.frequency_penalty = one_in(9) ? 3e38 : random_unit(&source) - 0.2;
  if (one_in(2)) s.presence_penalty = random_unit(&source) - 0.2;
  if (one_in(4)) s.scale = one_in(6) ? ldexp(1, (int)below(65) - 32) : 0.1 + 2 * random_unit(&source);
  if (one_in(4)) s.dynatemp_range = one_in(6) ? ldexp(1, (int)below(65) - 32) : 1.5 * random_unit(&source);
  if (one_in(2)) s.dynatemp_exponent = one_in(6) ? ldexp(1, (int)below(65) - 32) : 0.1 + 2 * random_unit(&source);
  s.seed = random_bits(&source);
  s.stream = one_in(2) ? random_bits(&source) : (uint64_t)below(3);
  s.step = (uint32_t)random_bits(&source);
  s.draw = (uint32_t)below(3);
  const bool ordered = one_in(4);
  if (ordered || s.rules == XENT_RULES_XENT || s.rules == XENT_RULES_LLAMA_CPP) {
    if (one_in(4)) s.top_n_sigma = one_in(6) ? 1e-3 : 3 * random_unit(&source);
    if (one_in(4)) s.xtc_probability = one_in(3) ? random_unit(&source) : 1;
    if (one_in(2)) s.xtc_threshold = one_in(4) ? any_share() : random_unit(&source) / 4;
  }
  if (ordered) s.order = any_order(&s);
  return s;
}

static int32_t any_float(void) {
  static const int32_t types[] = {XENT_F32, XENT_F32, XENT_F16, XENT_BF16};
  return types[below(4)];
}
static int32_t any_class_type(void) { return one_in(2) ? XENT_I32 : XENT_I64; }

static array tokens_of(const mixture *m, int64_t count) {
  static const int32_t types[] = {XENT_I8, XENT_U8, XENT_I16, XENT_I32, XENT_I64};
  array a = make(m->outer, count, m->inner, types[below(5)], false);
  const int32_t type = a.layout.type;
  const int64_t bits = type == XENT_I8 ? 128 : type == XENT_U8 ? 256 : type == XENT_I16 ? 32768 : INT64_MAX;
  const int64_t most = m->classes < bits ? m->classes : bits;
  for (int64_t row = 0; row < m->rows; row++)
    for (int64_t i = 0; i < count; i++)
      put(&a, row, i, one_in(5) && type != XENT_U8 ? -1 : (double)below(one_in(2) || most < 4 ? most : 4));
  return a;
}

/* The flags of these classes, 32 in each number. */
static array bits_of(const mixture *m, int64_t first, int64_t classes) {
  const bool spread = m->mask.layout.outer == 0 && m->mask.layout.inner == 0;
  array a = make(m->outer, (classes + 31) / 32, m->inner, one_in(2) ? XENT_I32 : XENT_U32, spread);
  for (int64_t row = 0; row < m->rows; row++)
    for (int64_t i = 0; i < classes; i += 32) {
      uint32_t word = (uint32_t)random_bits(&source); /* bits after the last class have no meaning */
      for (int64_t k = 0; k < 32 && i + k < classes; k++) {
        word &= ~(UINT32_C(1) << k);
        if (get(&m->mask, row, first + i + k) != 0) word |= UINT32_C(1) << k;
      }
      put(&a, row, i / 32, a.layout.type == XENT_I32 ? (double)(int32_t)word : (double)word);
    }
  return a;
}

/* A draft of each row, and the probabilities that it was drawn with: near those of the row, or anything. */
static void add_drafts(mixture *m) {
  static const double edges[] = {0, -0.5, 1, 2, 1e-30, NAN, INFINITY};
  m->draft = tokens_of(m, 1);
  m->draft_probabilities = make(m->outer, m->classes, m->inner, any_float(), false);
  for (int64_t row = 0; row < m->rows; row++) {
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < m->classes; i++) most = fmax(most, get(&m->x, row, i));
    for (int64_t i = 0; i < m->classes; i++) sum += exp(get(&m->x, row, i) - most);
    const bool same = one_in(8), wild = one_in(8);
    for (int64_t i = 0; i < m->classes; i++) {
      const double p = exp(get(&m->x, row, i) - most) / sum;
      if (most - get(&m->x, row, i) < 0.5 && get(&m->draft, row, 0) >= 0 && one_in(4) && i < 128)
        put(&m->draft, row, 0, (double)i);
      const bool edge = wild && one_in(3);
      put(&m->draft_probabilities, row, i, edge ? edges[below(7)] : same ? p : p * 2 * random_unit(&source));
    }
    const int64_t draft = (int64_t)get(&m->draft, row, 0);
    const double q = draft < 0 ? 1 : get(&m->draft_probabilities, row, draft);
    if (!(q > 0 && q <= 1)) put(&m->draft_probabilities, row, draft, one_in(2) ? 1 : 0.25); /* that was drawn */
  }
}

/* long_row: one row of many classes; top-p or another filter keeps or removes most of them. */
static mixture any_mixture(bool long_row) {
  mixture m = {.classes = any_classes(), .inner = one_in(5) ? 1 + below(3) : 1, .options = xent_default_options()};
  if (long_row) m.classes = 8000 + below(one_in(4) ? 140000 : 12000), m.inner = 1;
  m.outer = long_row || m.classes > 30000 ? 1 : 1 + below(MOST_ROWS / m.inner);
  m.rows = m.outer * m.inner;
  m.kind = long_row    ? ROW_KINDS + (int)below(KINDS - ROW_KINDS)
           : one_in(12) ? ALL_EQUAL
                        : (int)below(KINDS);
  m.per_row = one_in(2);
  const bool plain = long_row && !one_in(4); /* one pass computes it */
  m.top = 1 + below(m.classes < 20 ? m.classes : 20);
  if (!plain && one_in(6)) m.options.softcap = 1 + 30 * random_unit(&source);
  m.x = make(m.outer, m.classes, m.inner, any_float(), false);
  float *row_values = must_allocate((size_t)m.classes * sizeof *row_values);
  for (int64_t row = 0; row < m.rows; row++) {
    fill_any_row(row_values, m.classes, one_in(4) && !long_row ? (int)below(KINDS) : m.kind);
    for (int64_t i = 0; i < m.classes; i++) put(&m.x, row, i, (double)row_values[i]);
    m.sampling[row] = any_sampling(m.classes);
    if (long_row) m.sampling[row].top_p = random_unit(&source);
    if (plain) {
      xent_sampling *s = &m.sampling[row];
      s->top_k = s->greedy = 0;
      s->temperature = 0.7 + random_unit(&source);
      s->min_keep = below(3);
      if (one_in(3)) { /* or another filter is the first */
        s->top_k = one_in(2) ? 1 + below(m.classes) : 0;
        if (s->top_k == 0 && s->rules != XENT_RULES_VLLM && s->rules != XENT_RULES_ONNXRUNTIME_GENAI)
          s->typical_p = random_unit(&source), s->top_p = 0;
      } else if (s->rules == XENT_RULES_LLAMA_CPP) {
        s->typical_p = 0;
      }
    }
    if (m.kind == ALL_EQUAL && one_in(2)) /* shares of exactly this number of classes, or nearly */
      m.sampling[row].top_p = (double)below(m.classes + 1) / (double)m.classes;
    if (m.sampling[row].order) m.sampling[row].order = any_order(&m.sampling[row]);
    /* softcap / scale must be in the range of softcaps */
    if (m.options.softcap != 0 && m.sampling[row].scale < 0x1p-26) m.sampling[row].scale *= 64;
  }
  free(row_values);
  if (!plain && one_in(4)) {
    m.mask = make(m.outer, m.classes, m.inner, XENT_U8, one_in(2));
    const int64_t rare = 1 + below(4);
    for (int64_t row = 0; row < m.rows; row++)
      for (int64_t i = 0; i < m.classes; i++) put(&m.mask, row, i, one_in(rare + 1) ? 0 : (double)(1 + below(255)));
    if (one_in(2)) m.bits = bits_of(&m, 0, m.classes);
  }
  if (!plain && one_in(4)) {
    m.bias = make(m.outer, m.classes, m.inner, any_float(), one_in(2));
    for (int64_t row = 0; row < m.rows; row++)
      for (int64_t i = 0; i < m.classes; i++)
        put(&m.bias, row, i, one_in(3) ? -INFINITY : one_in(3000) ? INFINITY : (double)random_normal(&source));
  }
  if (!plain && one_in(3)) m.prompt = tokens_of(&m, m.prompt_count = 1 + below(MOST_TOKENS));
  if (!plain && one_in(3)) m.output = tokens_of(&m, m.output_count = 1 + below(MOST_TOKENS));
  if (!plain && one_in(3)) {
    m.bias_tokens = tokens_of(&m, m.bias_count = 1 + below(MOST_TOKENS));
    m.bias_values = make(m.outer, m.bias_count, m.inner, any_float(), false);
    for (int64_t row = 0; row < m.rows; row++)
      for (int64_t i = 0; i < m.bias_count; i++)
        put(&m.bias_values, row, i,
            one_in(4) ? -INFINITY : one_in(3000) ? INFINITY : one_in(4) ? 0 : 5 * (double)random_normal(&source));
  }
  if (one_in(4)) add_drafts(&m);
  for (int o = 0; o < OUTPUTS; o++) {
    if (o != TOKENS && one_in(3)) continue;
    const int32_t type = o == KEPT_MASK ? XENT_U8
                         : o == TOKENS || o == KEPT || o == RANKS || o == TOP_CLASSES ? any_class_type() : any_float();
    m.outputs[o] = make(m.outer, numbers_of(&m, o), m.inner, type, false);
    m.expected[o] = m.outputs[o];
    m.expected[o].memory = must_allocate((size_t)m.outputs[o].bytes + 1);
    memset(m.expected[o].memory, FILLED, (size_t)m.outputs[o].bytes);
  }
  return m;
}

static void release_mixture(mixture *m) {
  release(&m->x), release(&m->mask), release(&m->bits), release(&m->bias), release(&m->prompt), release(&m->output);
  release(&m->bias_tokens), release(&m->bias_values), release(&m->draft), release(&m->draft_probabilities);
  for (int o = 0; o < OUTPUTS; o++) {
    if (!m->outputs[o].there) continue;
    free(m->expected[o].memory);
    release(&m->outputs[o]);
  }
}

/* ---- what is expected ---- */

/* A row as the plain program takes it, and its arrays. */
typedef struct {
  sample_problem problem;
  float *x, *bias, *q, bias_values[MOST_TOKENS];
  uint8_t *mask;
  int64_t prompt[MOST_TOKENS], output[MOST_TOKENS], bias_tokens[MOST_TOKENS];
} plain_row;

static plain_row *plain_row_of(const mixture *m, int64_t row) {
  const int64_t n = m->classes;
  plain_row *r = must_allocate(sizeof *r);
  r->x = must_allocate((size_t)n * sizeof *r->x);
  r->bias = must_allocate((size_t)n * sizeof *r->bias);
  r->q = must_allocate((size_t)n * sizeof *r->q);
  r->mask = must_allocate((size_t)n);
  for (int64_t i = 0; i < n; i++) {
    r->x[i] = (float)get(&m->x, row, i);
    if (m->mask.there) r->mask[i] = (uint8_t)get(&m->mask, row, i);
    if (m->bias.there) r->bias[i] = (float)get(&m->bias, row, i);
    if (m->draft.there) r->q[i] = (float)get(&m->draft_probabilities, row, i);
  }
  for (int64_t i = 0; i < m->prompt_count; i++) r->prompt[i] = (int64_t)get(&m->prompt, row, i);
  for (int64_t i = 0; i < m->output_count; i++) r->output[i] = (int64_t)get(&m->output, row, i);
  for (int64_t i = 0; i < m->bias_count; i++) {
    r->bias_tokens[i] = (int64_t)get(&m->bias_tokens, row, i);
    r->bias_values[i] = (float)get(&m->bias_values, row, i);
  }
  const xent_sampling *s = &m->sampling[m->per_row ? row : 0];
  r->problem = (sample_problem){.classes = n, .logits = r->x, .mask = m->mask.there ? r->mask : NULL,
                                .bias = m->bias.there ? r->bias : NULL, .softcap = m->options.softcap,
                                .prompt = r->prompt, .output = r->output, .prompt_count = m->prompt_count,
                                .output_count = m->output_count, .bias_tokens = r->bias_tokens,
                                .bias_values = r->bias_values, .bias_count = m->bias_count, .sampling = s,
                                .draft = m->draft.there ? (int64_t)get(&m->draft, row, 0) : -1,
                                .draft_probabilities = m->draft.there ? r->q : NULL,
                                .stream = s->stream + (m->per_row ? 0 : (uint64_t)row)};
  return r;
}
static void free_row(plain_row *r) { free(r->x), free(r->bias), free(r->q), free(r->mask), free(r); }

static void expect_tokens(mixture *m) {
  const int64_t n = m->classes;
  uint8_t *kept = must_allocate((size_t)n);
  for (int64_t row = 0; row < m->rows; row++) {
    plain_row *r = plain_row_of(m, row);
    sample_answer a = {.mask = kept};
    contract_sample(&r->problem, &a);
    free_row(r);
    put(&m->expected[TOKENS], row, 0, (double)a.token);
    if (m->outputs[PROCESSED].there) put(&m->expected[PROCESSED], row, 0, (double)a.processed);
    if (m->outputs[KEPT].there) put(&m->expected[KEPT], row, 0, (double)a.kept);
    for (int64_t i = 0; m->outputs[KEPT_MASK].there && i < n; i++) put(&m->expected[KEPT_MASK], row, i, kept[i]);
  }
  free(kept);
}

static void expect_of_cross_entropy(mixture *m, int32_t isa) {
  xent_options options = m->options;
  options.isa = isa;
  options.has_ignore_index = 1;
  options.ignore_index = -1;
#define IN(a) {address(a), (a)->layout}
#define OUT(o) {m->outputs[o].there ? m->expected[o].memory : NULL, m->expected[o].layout}
  xent_range rows = {0, 0};
  const xent_cross_entropy_call call = {
      .size = sizeof call, .sizes = {.outer = m->outer, .classes = m->classes, .inner = m->inner},
      .top_count = m->top, .rows = &rows, .options = &options, .logits = IN(&m->x),
      .targets = {m->expected[TOKENS].memory, m->expected[TOKENS].layout},
      .class_mask = IN(&m->mask), .log_probabilities = OUT(LOG_PROBABILITIES), .ranks = OUT(RANKS),
      .entropies = OUT(ENTROPIES), .top_classes = OUT(TOP_CLASSES), .top_log_probabilities = OUT(TOP_LOGS)};
  for (; rows.begin < m->rows; rows.begin++) {
    const double scale = m->sampling[m->per_row ? rows.begin : 0].scale;
    options.softcap = scale == 0 ? m->options.softcap : m->options.softcap / scale;
    options.temperature = scale == 0 ? 0 : 1 / scale;
    rows.end = rows.begin + 1;
    must(xent_cross_entropy(&call), "cross-entropy of tokens");
  }
}

/* ---- the call ---- */

static void call_rows(mixture *m, int32_t isa, int64_t begin, int64_t end, void *workspace, uint64_t bytes) {
  xent_report report = {.size = sizeof report};
  xent_options options = m->options;
  options.isa = isa;
  const xent_range rows = {begin, end};
  const array *mask = m->bits.there ? &m->bits : &m->mask;
  const xent_sample_call call = {
      .size = sizeof call,
      .sizes = {.outer = m->outer, .classes = m->classes, .inner = m->inner}, .bias_count = m->bias_count,
      .top_count = m->top, .prompt_count = m->prompt_count, .output_count = m->output_count,
      .rows = &rows, .options = &options, .sampling = m->sampling, .per_row = m->per_row, .report = &report,
      .logits = IN(&m->x), .class_mask = IN(mask), .bias = IN(&m->bias), .prompt_tokens = IN(&m->prompt),
      .output_tokens = IN(&m->output), .bias_tokens = IN(&m->bias_tokens), .bias_values = IN(&m->bias_values),
      .draft_tokens = IN(&m->draft), .draft_probabilities = IN(&m->draft_probabilities),
#undef OUT
#define OUT(o) {address(&m->outputs[o]), m->outputs[o].layout}
      .tokens = OUT(TOKENS), .processed_log_probabilities = OUT(PROCESSED), .kept = OUT(KEPT),
      .kept_mask = OUT(KEPT_MASK), .log_probabilities = OUT(LOG_PROBABILITIES), .ranks = OUT(RANKS),
      .entropies = OUT(ENTROPIES), .top_classes = OUT(TOP_CLASSES), .top_log_probabilities = OUT(TOP_LOGS),
      .workspace = workspace, .workspace_size = bytes};
#undef OUT
#undef IN
  if (xent_workspace(XENT_FUNCTION_SAMPLE, &call) != bytes) {
    fprintf(stderr, "xent_workspace: not %llu bytes\n", (unsigned long long)bytes);
    exit(1);
  }
  const xent_status status = xent_sample(&call);
  if (status) {
    fprintf(stderr, "%s: %s %lld\n", xent_status_message(status), xent_field_name(report.field),
            (long long)report.integer);
    exit(1);
  }
  int64_t counted = 0;
  for (int64_t row = begin; row < end; row++) counted += get(&m->expected[TOKENS], row, 0) >= 0;
  compared++;
  if (report.valid_rows == counted) return;
  different++;
  fprintf(stderr, "counted %lld rows, not %lld\n", (long long)report.valid_rows, (long long)counted);
}

static void describe(const mixture *m, int64_t row, int32_t isa) {
  const xent_sampling *s = &m->sampling[m->per_row ? row : 0];
  fprintf(stderr, "  %s, %lld classes of type %d, kind %d, rules %d, ties %d, greedy %d, keep %lld, k %lld, p %g, "
          "min %g, typical %g, sigma %g, xtc %g of %g, order %llx, temperature %g, penalties %g %g %g, scale %g, "
          "dynatemp %g^%g%s%s%s%s%s%s%s\n",
          xent_isa_name(isa), (long long)m->classes, m->x.layout.type, m->kind, s->rules, s->ties, s->greedy,
          (long long)s->min_keep, (long long)s->top_k, s->top_p, s->min_p, s->typical_p, s->top_n_sigma,
          s->xtc_probability, s->xtc_threshold, (unsigned long long)s->order, s->temperature, s->repetition_penalty,
          s->frequency_penalty, s->presence_penalty, s->scale, s->dynatemp_range,
          s->dynatemp_exponent, m->mask.there ? ", mask" : "", m->bits.there ? " of bits" : "",
          m->bias.there ? ", bias" : "", m->prompt.there ? ", prompt" : "", m->output.there ? ", output" : "",
          m->bias_tokens.there ? ", biases" : "", m->draft.there ? ", drafts" : "");
}

static void compare(mixture *m, int32_t isa) {
  for (int o = 0; o < OUTPUTS; o++) {
    const array *got = &m->outputs[o];
    if (!got->there) continue;
    compared += (uint64_t)(m->rows * numbers_of(m, o));
    if (!memcmp(got->memory, m->expected[o].memory, (size_t)got->bytes)) continue;
    if (different++ > 20) continue;
    for (int64_t row = 0; row < m->rows; row++)
      for (int64_t i = 0; i < numbers_of(m, o); i++) {
        const double a = get(got, row, i), b = get(&m->expected[o], row, i);
        if (a == b || (a != a && b != b)) continue;
        fprintf(stderr, "%s of row %lld, number %lld: %.9g, not %.9g\n", output_names[o], (long long)row,
                (long long)i, a, b);
        describe(m, row, isa);
        row = m->rows;
        break;
      }
  }
}

static uint64_t workspace_of(const mixture *m) {
  const uint64_t bytes = xent_sample_workspace(m->classes, m->prompt_count + m->output_count + m->bias_count);
  return m->bits.there ? bytes + ((uint64_t)m->classes + 7) / 8 * 8 : bytes;
}

static void test_mixture(bool long_row) {
  mixture m = any_mixture(long_row);
  const uint64_t bytes = workspace_of(&m);
  const int64_t page = (int64_t)page_size(), room = ((int64_t)bytes + page - 1) / page * page + page;
  unsigned char *pages = closed_pages((size_t)room);
  open_pages(pages, (size_t)(room - page));
  expect_tokens(&m);
  rows_sampled += (uint64_t)m.rows;
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    if (isa == XENT_ISA_SCALAR && m.classes > 3000 && !one_in(3)) continue;
    static const int64_t parts[] = {1, 2, 7};
    const int64_t n = parts[below(3)];
    for (int o = 0; o < OUTPUTS; o++) clear(&m.outputs[o]);
    expect_of_cross_entropy(&m, isa);
    for (int64_t part = 0; part < n; part++)
      call_rows(&m, isa, m.rows * part / n, m.rows * (part + 1) / n, pages + room - page - (int64_t)bytes, bytes);
    compare(&m, isa);
  }
  release_pages(pages, (size_t)room);
  release_mixture(&m);
}

static int32_t any_tier(void) {
  int32_t isa = next_tier(XENT_ISA_BEST);
  while (one_in(2) && next_tier(isa)) isa = next_tier(isa);
  return isa;
}

/* ---- random bits ---- */

static xent_status sample_repeated(const float *x, int64_t classes, int64_t rows, const xent_sampling *s,
                                   int64_t *tokens, int32_t isa) {
  xent_options options = xent_default_options();
  options.isa = isa;
  const xent_sample_call call = {.size = sizeof call, .sizes = xent_rows(rows, classes),
                                 .options = &options, .sampling = s, .logits = {x, layout_of(0, 1, 0, XENT_F32)},
                                 .tokens = {tokens, xent_per_row(XENT_I64)}};
  return xent_sample(&call);
}

static void expect_number(const char *what, int64_t got, int64_t want) {
  compared++;
  if (got == want) return;
  different++;
  fprintf(stderr, "%s: %lld, not %lld\n", what, (long long)got, (long long)want);
}

static void test_vectors(void) {
  static const struct {
    uint32_t counter[4], key[2], bits[4];
    int64_t token;
  } vectors[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, 39680},
      {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, 27988},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
       9234}};
  static float x[65536];
  for (int i = 0; i < 3; i++) {
    uint32_t bits[4];
    contract_philox(vectors[i].key, vectors[i].counter, bits);
    for (int k = 0; k < 4; k++) expect_number("random bits", bits[k], vectors[i].bits[k]);
    for (int k = 0; k < 65536; k++) x[k] = (float)i - 1;
    xent_sampling s = xent_default_sampling();
    s.seed = (uint64_t)vectors[i].key[1] << 32 | vectors[i].key[0];
    s.stream = (uint64_t)vectors[i].counter[3] << 32 | vectors[i].counter[2];
    s.step = vectors[i].counter[0];
    s.draw = vectors[i].counter[1];
    for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
      int64_t token;
      must(sample_repeated(x, 65536, 1, &s, &token, isa), "sample");
      expect_number("token of equal logits", token, vectors[i].token);
    }
  }
}

/* A row with every instruction set against the plain program. The calls get logits and a mask, which are x, or x with
 * other values where it is -inf. */
static void compare_masked(const float *x, const float *logits, const uint8_t *mask, int64_t n, const xent_sampling *s,
                           const char *of_token, const char *of_kept) {
  uint8_t *kept_mask = must_allocate((size_t)n);
  sample_answer a = {.mask = kept_mask};
  contract_sample(&(sample_problem){.classes = n, .logits = x, .sampling = s}, &a);
  free(kept_mask);
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    int64_t token, kept;
    xent_options options = xent_default_options();
    options.isa = isa;
    const xent_sample_call call = {.size = sizeof call, .sizes = xent_rows(1, n), .options = &options, .sampling = s,
                                   .logits = {logits, xent_per_class(n, 1, XENT_F32)},
                                   .class_mask = {mask, xent_per_class(n, 1, XENT_U8)},
                                   .tokens = {&token, xent_per_row(XENT_I64)},
                                   .kept = {&kept, xent_per_row(XENT_I64)}};
    must(xent_sample(&call), "sample");
    expect_number(of_token, token, a.token);
    expect_number(of_kept, kept, a.kept);
  }
}
static void compare_row(const float *x, int64_t n, const xent_sampling *s, const char *of_token, const char *of_kept) {
  compare_masked(x, x, NULL, n, s, of_token, of_kept);
}

/* ---- filters after typical-p ---- */

/* Filters that would keep less than min_keep of a set without the largest classes, which typical-p removed. */
static void test_behind_typical_p(void) {
  enum { MOST = 6000 };
  static float x[MOST];
  for (int i = 0; i < 40; i++) {
    const int64_t n = 2049 + below(MOST - 2048);
    for (int64_t k = 0; k < n; k++) x[k] = i % 2 ? 0.5f * random_normal(&source) : (float)sin((double)k);
    xent_sampling s = xent_default_sampling();
    s.rules = XENT_RULES_LLAMA_CPP;
    s.seed = random_bits(&source);
    s.typical_p = 0.2 + 0.7 * random_unit(&source);
    s.min_keep = 2 + below(40);
    if (one_in(2)) s.min_p = 1 - random_unit(&source) / 64;
    if (s.min_p == 0 || one_in(2)) s.top_p = random_unit(&source) / 64;
    compare_row(x, n, &s, "token behind typical-p", "kept behind typical-p");
  }
}

/* ---- many equals ---- */

/* Top-k of rows in which more classes have the k-th logit than a search lists. */
static void test_top_k_of_equals(void) {
  enum { MOST = 40000 };
  static float x[MOST];
  for (int i = 0; i < 16; i++) {
    const int64_t n = MOST - below(9000), values = 2 + i % 3;
    for (int64_t k = 0; k < n; k++) x[k] = (float)(k % values);
    xent_sampling s = xent_default_sampling();
    s.seed = random_bits(&source);
    s.ties = i % 2 ? XENT_TIES_FIRST : XENT_TIES_ALL;
    s.top_k = 2 + below(1000);
    compare_row(x, n, &s, "token of equals", "kept of equals");
  }
}

/* ---- shares that end at a class ---- */

/* Top-p that is the share of a number of classes of nearly equal logits: an estimate of the sum decides nothing. */
static void test_shares_that_end_at_a_class(void) {
  enum { MOST = 40000 };
  static float x[MOST];
  for (int i = 0; i < 24; i++) {
    const int64_t n = MOST - below(30000), count = 600 + below(n - 700);
    const double first = exp((double)(x[0] = 0.001f));
    xent_sampling s = xent_default_sampling();
    s.seed = random_bits(&source);
    s.top_p = ((double)count + first) / ((double)(n - 1) + first);
    compare_row(x, n, &s, "token of a share", "kept of a share");
  }
}

/* ---- masked rows ---- */

/* Top-p of long rows whose first pass reads the mask: few, half or most classes are masked. */
static void test_masked_rows(void) {
  enum { MOST = 20000 };
  static float x[MOST], masked[MOST];
  static uint8_t mask[MOST];
  for (int i = 0; i < 48; i++) {
    const int64_t n = 2049 + below(MOST - 2048), one_of = (int64_t[]){2, 20, 1000}[i % 3];
    const float spread = (float[]){0.3f, 1.5f, 4, 12}[i / 3 % 4];
    for (int64_t k = 0; k < n; k++) {
      x[k] = spread * random_normal(&source);
      mask[k] = (uint8_t)(one_in(one_of) == i % 2 ? 0 : 1 + below(255));
      masked[k] = mask[k] ? x[k] : -INFINITY;
      if (!mask[k] && one_in(50)) x[k] = one_in(2) ? NAN : 1000;
    }
    xent_sampling s = xent_default_sampling();
    s.seed = random_bits(&source);
    s.temperature = one_in(2) ? 0.7 : 0;
    s.top_p = random_unit(&source);
    compare_masked(masked, x, mask, n, &s, "token of a masked row", "kept of a masked row");
  }
}

/* ---- padded rows ---- */

static void test_padding(void) {
  enum { MOST = 70000, ROWS = 40 };
  static float x[MOST];
  for (int i = 0; i < 60; i++) {
    const int64_t n = 1 + below(i % 3 ? 400 : 40000), more = n + 1 + below(MOST - n - 1);
    int64_t tokens[ROWS], padded[ROWS];
    xent_sampling s = any_sampling(n);
    s.min_keep = s.top_k = 0;
    if (one_in(2)) s.top_k = 1 + below(50);
    if (s.order) s.order = any_order(&s);
    fill_any_row(x, n, (int)below(KINDS));
    for (int64_t k = n; k < MOST; k++) x[k] = -INFINITY;
    must(sample_repeated(x, n, ROWS, &s, tokens, XENT_ISA_BEST), "sample");
    must(sample_repeated(x, more, ROWS, &s, padded, XENT_ISA_BEST), "sample");
    for (int row = 0; row < ROWS; row++) expect_number("token of a padded row", padded[row], tokens[row]);
  }
}

/* ---- how often ---- */

static xent_status verify_repeated(const float *x, int64_t classes, int64_t rows, const xent_sampling *s,
                                   const int64_t *drafts, const float *q, int64_t *tokens) {
  const xent_sample_call call = {.size = sizeof call, .sizes = xent_rows(rows, classes), .sampling = s,
                                 .logits = {x, layout_of(0, 1, 0, XENT_F32)},
                                 .tokens = {tokens, xent_per_row(XENT_I64)},
                                 .draft_tokens = {drafts, xent_per_row(XENT_I64)},
                                 .draft_probabilities = {q, layout_of(0, 1, 0, XENT_F32)}};
  return xent_sample(&call);
}

/* Checks drafts of another model, drawn with the same random numbers. As many are accepted as the two models agree. */
static void verify_drafts(const float *x, const double *p, double sum, int64_t n, int64_t draws, const xent_sampling *s,
                          int64_t *tokens) {
  float y[512], q[512];
  double all = 0, agree = 0;
  int64_t *drafts = must_allocate((size_t)draws * sizeof *drafts), accepted = 0;
  for (int64_t i = 0; i < n; i++) y[i] = x[i] + random_normal(&source);
  for (int64_t i = 0; i < n; i++) all += exp((double)y[i]);
  for (int64_t i = 0; i < n; i++) q[i] = (float)(exp((double)y[i]) / all);
  for (int64_t i = 0; i < n; i++) agree += fmin(p[i] / sum, (double)q[i]);
  xent_sampling other = *s;
  other.temperature = 0;
  must(sample_repeated(y, n, draws, &other, drafts, XENT_ISA_BEST), "drafts");
  must(verify_repeated(x, n, draws, s, drafts, q, tokens), "sample after drafts");
  for (int64_t i = 0; i < draws; i++) accepted += tokens[i] == drafts[i];
  const double wanted = agree * (double)draws, sigma = sqrt(wanted * (1 - agree));
  compared++;
  if (fabs((double)accepted - wanted) > 4 * sigma + 1) {
    different++;
    fprintf(stderr, "%lld classes: %lld drafts accepted, not %.0f\n", (long long)n, (long long)accepted, wanted);
  }
  free(drafts);
}

/* Of 100,000 draws, half of them after drafts, in classes that are expected at least ten times and one of the rest:
 * chi-square is within four standard deviations, by the cube root of Wilson and Hilferty. */
static void test_chances(int distributions) {
  enum { DRAWS = 100000, MOST = 300 };
  int64_t *tokens = must_allocate(DRAWS * sizeof *tokens);
  double worst = 0;
  for (int d = 0; d < distributions; d++) {
    const int64_t n = d < 4 ? 2 + d : 5 + below(MOST - 5);
    float x[MOST];
    double p[MOST], sum = 0;
    int64_t seen[MOST] = {0};
    xent_sampling s = xent_default_sampling();
    s.seed = random_bits(&source);
    s.stream = random_bits(&source);
    s.temperature = d % 3 ? 0.5 + random_unit(&source) : 0;
    const double spread = (double)(d % 5);
    for (int64_t i = 0; i < n; i++) x[i] = (float)spread * random_normal(&source);
    for (int64_t i = 0; i < n; i++) sum += p[i] = exp((double)x[i] / (s.temperature != 0 ? s.temperature : 1));
    if (d % 2)
      verify_drafts(x, p, sum, n, DRAWS, &s, tokens);
    else
      must(sample_repeated(x, n, DRAWS, &s, tokens, XENT_ISA_BEST), "sample");
    for (int64_t i = 0; i < DRAWS; i++) seen[tokens[i]]++;
    double chi = 0, rest = 0, rest_seen = 0;
    int64_t cells = 0;
    for (int64_t i = 0; i < n; i++) {
      const double expected = p[i] / sum * DRAWS;
      if (expected < 10) {
        rest += expected;
        rest_seen += (double)seen[i];
        continue;
      }
      chi += ((double)seen[i] - expected) * ((double)seen[i] - expected) / expected;
      cells++;
    }
    if (rest >= 10) {
      chi += (rest_seen - rest) * (rest_seen - rest) / rest;
      cells++;
    }
    compared++;
    if (cells < 2) continue;
    const double k = (double)(cells - 1), z = (cbrt(chi / k) - (1 - 2 / (9 * k))) / sqrt(2 / (9 * k));
    if (fabs(z) > fabs(worst)) worst = z;
    if (z < 4) continue;
    different++;
    fprintf(stderr, "%lld classes: chi-square %.1f of %lld cells\n", (long long)n, chi, (long long)cells);
  }
  printf("%d distributions of %d draws: the worst chi-square is %.2f standard deviations off\n", distributions,
         DRAWS, worst);
  free(tokens);
}

/* ---- invalid calls ---- */

enum { FEW_ROWS = 3, FEW_CLASSES = 10 };

static xent_sampling few_sampling[FEW_ROWS];
static xent_options few_options;
static xent_report few_report;
static int64_t few_tokens[FEW_ROWS + 1];
static float few_x[FEW_ROWS * FEW_CLASSES], few_logs[FEW_ROWS];
static uint64_t few_workspace[64];

static xent_sample_call few_call(void) {
  for (int i = 0; i < FEW_ROWS; i++) few_sampling[i] = xent_default_sampling();
  for (int i = 0; i <= FEW_ROWS; i++) few_tokens[i] = 77;
  few_options = xent_default_options();
  few_report = (xent_report){.size = sizeof few_report};
  return (xent_sample_call){.size = sizeof(xent_sample_call),
                            .sizes = xent_rows(FEW_ROWS, FEW_CLASSES),
                            .options = &few_options, .sampling = few_sampling, .per_row = 1, .report = &few_report,
                            .logits = {few_x, xent_per_class(FEW_CLASSES, 1, XENT_F32)},
                            .tokens = {few_tokens, xent_per_row(XENT_I64)}};
}

static void expect_refusal(const char *what, xent_sample_call *call, xent_status status, int32_t field, int64_t row) {
  const xent_status got = xent_sample(call);
  compared++;
  bool written = false;
  for (int i = 0; i < FEW_ROWS; i++) written |= few_tokens[i] != 77;
  if (got == status && few_report.field == field && few_report.row == row && !written) return;
  different++;
  fprintf(stderr, "%s: %s, %s, row %lld%s\n", what, xent_status_message(got), xent_field_name(few_report.field),
          (long long)few_report.row, written ? ", and tokens were written" : "");
}

static void test_refused_options(void) {
  const double nan = NAN;
#define REFUSED(field_, change, status)                                                       \
  do {                                                                                        \
    xent_sample_call c = few_call();                                                          \
    xent_sampling *s = &few_sampling[1];                                                      \
    change;                                                                                   \
    expect_refusal(#change, &c, status, XENT_FIELD_##field_, 1);                              \
    c = few_call();                                                                           \
    s = &few_sampling[0];                                                                     \
    c.per_row = 0;                                                                            \
    change;                                                                                   \
    expect_refusal(#change " for all", &c, status, XENT_FIELD_##field_, -1);                  \
  } while (0)
  REFUSED(SAMPLING, s->reserved = 1, XENT_UNSUPPORTED);
  REFUSED(RULES, s->rules = 5, XENT_INVALID_OPTION);
  REFUSED(RULES, s->rules = -1, XENT_INVALID_OPTION);
  REFUSED(TIES, s->ties = 3, XENT_INVALID_OPTION);
  REFUSED(GREEDY, s->greedy = 2, XENT_INVALID_OPTION);
  REFUSED(MIN_KEEP, s->min_keep = -1, XENT_INVALID_OPTION);
  REFUSED(TOP_K, s->top_k = -1, XENT_INVALID_OPTION);
  REFUSED(TOP_P, s->top_p = 1.0000000000000002, XENT_INVALID_OPTION);
  REFUSED(TOP_P, s->top_p = nan, XENT_INVALID_OPTION);
  REFUSED(MIN_P, s->min_p = -1e-300, XENT_INVALID_OPTION);
  REFUSED(TYPICAL_P, s->typical_p = 2, XENT_INVALID_OPTION);
  REFUSED(TEMPERATURE, s->temperature = -1, XENT_INVALID_OPTION);
  REFUSED(TEMPERATURE, s->temperature = 0x1p-33, XENT_INVALID_OPTION);
  REFUSED(TEMPERATURE, s->temperature = INFINITY, XENT_INVALID_OPTION);
  REFUSED(REPETITION_PENALTY, s->repetition_penalty = -1, XENT_INVALID_OPTION);
  REFUSED(REPETITION_PENALTY, s->repetition_penalty = 1e-40, XENT_INVALID_OPTION);
  REFUSED(REPETITION_PENALTY, s->repetition_penalty = 1e39, XENT_INVALID_OPTION);
  REFUSED(FREQUENCY_PENALTY, s->frequency_penalty = 1e39, XENT_INVALID_OPTION);
  REFUSED(FREQUENCY_PENALTY, s->frequency_penalty = nan, XENT_INVALID_OPTION);
  REFUSED(PRESENCE_PENALTY, s->presence_penalty = -INFINITY, XENT_INVALID_OPTION);
  REFUSED(DYNATEMP_RANGE, s->dynatemp_range = -1, XENT_INVALID_OPTION);
  REFUSED(DYNATEMP_RANGE, s->dynatemp_range = nan, XENT_INVALID_OPTION);
  REFUSED(DYNATEMP_EXPONENT, s->dynatemp_exponent = -1, XENT_INVALID_OPTION);
  REFUSED(DYNATEMP_EXPONENT, s->dynatemp_exponent = INFINITY, XENT_INVALID_OPTION);
  REFUSED(SCALE, s->scale = -1, XENT_INVALID_OPTION);
  REFUSED(SCALE, s->scale = 0x1p33, XENT_INVALID_OPTION);
  REFUSED(SCALE, s->scale = nan, XENT_INVALID_OPTION);
  REFUSED(TOP_N_SIGMA, s->top_n_sigma = -1, XENT_INVALID_OPTION);
  REFUSED(TOP_N_SIGMA, (s->rules = XENT_RULES_TRANSFORMERS, s->top_n_sigma = 1), XENT_UNSUPPORTED);
  REFUSED(XTC_PROBABILITY, s->xtc_probability = 1.5, XENT_INVALID_OPTION);
  REFUSED(XTC_PROBABILITY, (s->rules = XENT_RULES_VLLM, s->xtc_probability = 0.5), XENT_UNSUPPORTED);
  REFUSED(XTC_THRESHOLD, s->xtc_threshold = nan, XENT_INVALID_OPTION);
  REFUSED(ORDER, s->order = 8, XENT_INVALID_OPTION);
  REFUSED(ORDER, s->order = 0x0101, XENT_INVALID_OPTION);
  REFUSED(ORDER, s->order = 0x010001, XENT_INVALID_OPTION);
  REFUSED(TOP_K, (s->order = XENT_FILTER_TOP_P, s->top_k = 3), XENT_UNSUPPORTED);
  REFUSED(TYPICAL_P, (s->rules = XENT_RULES_VLLM, s->typical_p = 0.5), XENT_UNSUPPORTED);
  REFUSED(MIN_P, (s->rules = XENT_RULES_ONNXRUNTIME_GENAI, s->min_p = 0.5), XENT_UNSUPPORTED);
  REFUSED(TYPICAL_P, (s->rules = XENT_RULES_ONNXRUNTIME_GENAI, s->typical_p = 0.5), XENT_UNSUPPORTED);
#undef REFUSED
}

static void test_refused_calls(void) {
  static int64_t tokens[FEW_ROWS * 4];
#define REFUSED(field_, change, status, row)                                                  \
  do {                                                                                        \
    xent_sample_call c = few_call();                                                          \
    change;                                                                                   \
    expect_refusal(#change, &c, status, XENT_FIELD_##field_, row);                            \
  } while (0)
#define LIST {tokens, {4, 1, 1, XENT_I64, 0}}
  const xent_range rows = {1, FEW_ROWS + 1};
  REFUSED(ROW_RANGE, c.rows = &rows, XENT_INVALID_ARGUMENT, -1);
  REFUSED(SAMPLING, c.sampling = NULL, XENT_INVALID_ARGUMENT, -1);
  REFUSED(SAMPLING, c.per_row = 2, XENT_INVALID_ARGUMENT, -1);
  REFUSED(CONTINUES, c.continues = 1, XENT_INVALID_ARGUMENT, -1); /* of several rows */
  REFUSED(CONTINUES, c.continues = 2, XENT_INVALID_ARGUMENT, -1);
  REFUSED(CONTINUES, c.continues = -1, XENT_INVALID_ARGUMENT, -1);
  REFUSED(BIAS_COUNT, c.bias_count = -1, XENT_INVALID_SHAPE, -1);
  REFUSED(SAMPLING, few_sampling[2].size = 8, XENT_INVALID_SIZE, 2);
  REFUSED(LOGITS, c.logits.layout.type = XENT_F64, XENT_UNSUPPORTED, -1);
  REFUSED(LOGITS, c.logits.layout.type = XENT_I32, XENT_UNSUPPORTED, -1);
  REFUSED(LOGITS, c.logits.address = NULL, XENT_INVALID_ARGUMENT, -1);
  REFUSED(TOKENS, c.tokens.address = NULL, XENT_INVALID_ARGUMENT, -1);
  REFUSED(TOKENS, c.tokens.layout.type = XENT_I16, XENT_UNSUPPORTED, -1);
  REFUSED(TOKENS, c.tokens.layout.outer = 0, XENT_OVERLAP, -1);
  REFUSED(CLASSES, c.sizes.classes = INT64_C(1) << 31, XENT_INVALID_SHAPE, -1);
  REFUSED(CLASSES, c.sizes.classes = 0, XENT_INVALID_SHAPE, -1);
  REFUSED(PROMPT_COUNT, c.prompt_count = -1, XENT_INVALID_SHAPE, -1);
  REFUSED(OUTPUT_COUNT, c.output_count = -1, XENT_INVALID_SHAPE, -1);
  REFUSED(TOP_COUNT, c.top_classes = ((xent_output){few_logs, {1, 1, 1, XENT_I32, 0}}), XENT_INVALID_SHAPE, -1);
  REFUSED(TEMPERATURE, few_options.temperature = 1, XENT_UNSUPPORTED, -1);
  REFUSED(IGNORE_INDEX, few_options.has_ignore_index = 1, XENT_UNSUPPORTED, -1);
  REFUSED(LABEL_SMOOTHING, few_options.label_smoothing = 0.5, XENT_UNSUPPORTED, -1);
  REFUSED(Z_LOSS, few_options.z_loss = 0.5, XENT_UNSUPPORTED, -1);
  REFUSED(PROBABILITY_CLAMP, few_options.probability_clamp = 0.5, XENT_UNSUPPORTED, -1);
  REFUSED(FULLY_MASKED, few_options.fully_masked = 1, XENT_UNSUPPORTED, -1);
  REFUSED(SMOOTHING, few_options.smoothing = 1, XENT_UNSUPPORTED, -1);
  REFUSED(ISA, few_options.isa = 99, XENT_INVALID_OPTION, -1);
  REFUSED(LOG_PROBABILITIES, c.log_probabilities = ((xent_output){few_x, xent_per_row(XENT_F32)}), XENT_OVERLAP, -1);
  REFUSED(WORKSPACE, (c.prompt_count = 4, c.prompt_tokens = (xent_input)LIST), XENT_INVALID_ARGUMENT, -1);
  REFUSED(WORKSPACE, (c.output_count = 4, c.output_tokens = (xent_input)LIST, c.workspace = few_workspace,
          c.workspace_size = xent_sample_workspace(FEW_CLASSES, 4) - 1), XENT_INVALID_ARGUMENT, -1);
  REFUSED(WORKSPACE, (c.output_count = 4, c.output_tokens = (xent_input)LIST,
          c.workspace = (char *)few_workspace + 4, c.workspace_size = sizeof few_workspace), XENT_INVALID_ARGUMENT, -1);
  tokens[6] = FEW_CLASSES;
  REFUSED(PROMPT_TOKENS, (c.prompt_count = 4, c.prompt_tokens = (xent_input)LIST, c.workspace = few_workspace,
          c.workspace_size = sizeof few_workspace), XENT_INVALID_LABEL, 1);
  tokens[6] = -2;
  REFUSED(OUTPUT_TOKENS, (c.output_count = 4, c.output_tokens = (xent_input)LIST, c.workspace = few_workspace,
          c.workspace_size = sizeof few_workspace), XENT_INVALID_LABEL, 1);
  REFUSED(BIAS_TOKENS, (c.bias_count = 4, c.bias_tokens = c.bias_values = (xent_input)LIST,
          c.bias_values.layout.type = XENT_F32, c.workspace = few_workspace, c.workspace_size = sizeof few_workspace),
          XENT_INVALID_LABEL, 1);
  REFUSED(DRAFT_TOKENS, (c.draft_tokens = (xent_input){tokens + 5, xent_per_row(XENT_I64)},
          c.draft_probabilities = c.logits), XENT_INVALID_LABEL, 1);
  tokens[6] = 0;
  REFUSED(DRAFT_TOKENS, c.draft_probabilities = c.logits, XENT_INVALID_ARGUMENT, -1);
  REFUSED(DRAFT_PROBABILITIES, c.draft_tokens = ((xent_input){tokens + 5, xent_per_row(XENT_I64)}),
          XENT_INVALID_ARGUMENT, -1);
  REFUSED(DRAFT_PROBABILITIES, (c.draft_tokens = (xent_input){tokens + 5, xent_per_row(XENT_I64)},
          c.draft_probabilities = (xent_input){tokens, xent_per_class(FEW_CLASSES, 1, XENT_I64)}), XENT_UNSUPPORTED,
          -1);
  REFUSED(BIAS_VALUES, (c.bias_count = 4, c.bias_tokens = (xent_input)LIST), XENT_INVALID_ARGUMENT, -1);
  REFUSED(BIAS_TOKENS, (c.bias_count = 4, c.bias_values = (xent_input)LIST,
          c.bias_values.layout.type = XENT_F32), XENT_INVALID_ARGUMENT, -1);
  REFUSED(BIAS_VALUES, (c.bias_count = 4, c.bias_tokens = c.bias_values = (xent_input)LIST), XENT_UNSUPPORTED,
          -1);
  REFUSED(WORKSPACE, (c.class_mask = (xent_input)LIST, c.class_mask.layout.type = XENT_I32), XENT_INVALID_ARGUMENT, -1);
  REFUSED(WORKSPACE, (c.class_mask = (xent_input)LIST, c.class_mask.layout.type = XENT_U32, c.workspace = few_workspace,
          c.workspace_size = (FEW_CLASSES + 7) / 8 * 8 - 1), XENT_INVALID_ARGUMENT, -1);
  REFUSED(CLASS_MASK, (c.class_mask = (xent_input)LIST), XENT_UNSUPPORTED, -1);
#undef REFUSED
  xent_sample_call c = few_call();
  c.prompt_count = 4;
  c.prompt_tokens = (xent_input)LIST;
  c.workspace = few_workspace;
  c.workspace_size = xent_sample_workspace(FEW_CLASSES, 4);
  expect_number("a call with nothing wrong", xent_sample(&c), XENT_OK);
  c.bias_values = (xent_input)LIST; /* of no tokens */
  c.bias_values.layout.type = XENT_F32;
  expect_number("values of no tokens", xent_sample(&c), XENT_OK);
  const xent_range none = {1, 1};
  c = few_call();
  c.rows = &none;
  few_sampling[0].size = few_sampling[1].size = 0; /* of rows outside the range */
  expect_number("no rows", xent_sample(&c), XENT_OK);
  expect_number("tokens of no rows", few_tokens[1], 77);
}

/* With more classes than tokens can number, the size of the workspace is 0. */
static void test_workspace_of_too_many_classes(void) {
  expect_number("a workspace", xent_sample_workspace(INT32_MAX, INT64_MAX) != 0, 1);
  expect_number("too many classes", (int64_t)xent_sample_workspace((int64_t)INT32_MAX + 1, 1), 0);
  expect_number("too many of both", (int64_t)xent_sample_workspace(INT64_MAX, INT64_MAX), 0);
}

/* ---- texts ---- */

/* A text whose workspace has the tokens of the call before gets the tokens of calls that count them all. */
enum { TEXTS = 60, TEXT_CLASSES = 2000, TEXT_TOKENS = 400, TEXT_BIASES = 3, TEXT_STEPS = 60 };
static uint64_t steps_compared, steps_continued;

typedef struct {
  int64_t classes, prompt_count, count, counted;
  bool wide; /* int64_t */
  int32_t prompt[TEXT_TOKENS], tokens[TEXT_TOKENS];
  int64_t wide_prompt[TEXT_TOKENS], wide_tokens[TEXT_TOKENS];
  uint64_t workspace[16384];
} text;

static int32_t text_token(const text *t) {
  const int64_t few = t->classes < 20 ? t->classes : 20;
  return one_in(20) ? -1 : (int32_t)below(one_in(2) ? t->classes : few);
}

static void append_token(text *t) {
  t->tokens[t->count] = text_token(t);
  t->wide_tokens[t->count] = t->tokens[t->count];
  t->count++;
}

static xent_sampling text_sampling(int64_t step) {
  xent_sampling s = {.size = sizeof s, .step = (uint32_t)step, .greedy = one_in(3)};
  if (one_in(2)) s.top_p = 0.9;
  if (one_in(3)) s.top_k = 7;
  if (!one_in(4)) s.repetition_penalty = one_in(3) ? 0.7 : 1.3;
  if (one_in(2)) s.frequency_penalty = one_in(3) ? -0.25 : 0.25;
  if (one_in(2)) s.presence_penalty = one_in(3) ? -0.5 : 0.5;
  return s;
}

static void compare_step(text *t, const float *x, const xent_sampling *s, bool biased, int32_t isa) {
  static uint64_t fresh[16384];
  static int32_t bias_tokens[TEXT_BIASES];
  static const float bias_values[TEXT_BIASES] = {1, -2, -INFINITY};
  int64_t token[2] = {77, 78}, kept[2] = {77, 78};
  xent_options options = xent_default_options();
  options.isa = isa;
  for (int i = 0; i < TEXT_BIASES; i++) bias_tokens[i] = text_token(t);
  for (int i = 0; i < 2; i++) {
    const xent_layout l = {1, 1, 1, t->wide ? XENT_I64 : XENT_I32, 0};
    const xent_sample_call c = {
        .size = sizeof c,
        .sizes = {.outer = 1, .classes = t->classes, .inner = 1}, .bias_count = biased ? TEXT_BIASES : 0,
        .prompt_count = t->prompt_count, .output_count = t->count, .continues = !i && t->counted > 0,
        .options = &options, .sampling = s, .logits = {x, xent_per_class(t->classes, 1, XENT_F32)},
        .tokens = {&token[i], xent_per_row(XENT_I64)}, .kept = {&kept[i], xent_per_row(XENT_I64)},
        .prompt_tokens = {t->wide ? (const void *)t->wide_prompt : t->prompt, l},
        .output_tokens = {t->wide ? (const void *)t->wide_tokens : t->tokens, l},
        .bias_tokens = {biased ? bias_tokens : NULL, {1, 1, 1, XENT_I32, 0}},
        .bias_values = {biased ? bias_values : NULL, {1, 1, 1, XENT_F32, 0}},
        .workspace = i ? fresh : t->workspace, .workspace_size = sizeof fresh};
    must(xent_sample(&c), "a step of a text");
  }
  steps_compared++;
  steps_continued += t->counted > 0;
  expect_number("the token of a text", token[0], token[1]);
  expect_number("its kept classes", kept[0], kept[1]);
}

static void test_text(void) {
  static text t;
  static float x[TEXT_CLASSES];
  t = (text){.classes = one_in(4) ? 1 + below(70) : 1 + below(TEXT_CLASSES), .wide = one_in(2)};
  for (size_t i = 0; i < sizeof t.workspace; i++) ((unsigned char *)t.workspace)[i] = (unsigned char)below(256);
  t.prompt_count = one_in(2) ? 0 : below(30);
  for (int64_t i = 0; i < t.prompt_count; i++) t.wide_prompt[i] = t.prompt[i] = text_token(&t);
  xent_sampling s = text_sampling(0);
  for (int64_t step = 0; step < TEXT_STEPS; step++) {
    static const int64_t more[] = {1, 1, 1, 1, 0, 2, 16, 17};
    const int64_t n = more[below(8)];
    for (int64_t i = 0; i < n && t.count < TEXT_TOKENS; i++) append_token(&t);
    for (int64_t i = 0; i < t.classes; i++) x[i] = random_normal(&source);
    if (one_in(8)) s = text_sampling(step);
    s.step = (uint32_t)step;
    compare_step(&t, x, &s, one_in(4), one_in(2) ? 0 : any_tier());
    t.counted = t.prompt_count + t.count;
    if (one_in(10)) { /* other tokens instead of the last ones */
      const int64_t left = below(t.count + 1);
      while (t.count > left) t.count--;
      t.counted = 0;
    }
    if (one_in(10) && t.counted > t.prompt_count) t.counted--; /* fewer than the workspace has */
    if (one_in(10) && t.count && t.prompt_count < TEXT_TOKENS) { /* the prompt ends one token later */
      t.wide_prompt[t.prompt_count] = t.prompt[t.prompt_count] = t.tokens[0];
      t.prompt_count++;
      t.count--;
      memmove(t.tokens, t.tokens + 1, (size_t)t.count * sizeof *t.tokens);
      memmove(t.wide_tokens, t.wide_tokens + 1, (size_t)t.count * sizeof *t.wide_tokens);
      if (t.counted && t.counted < t.prompt_count) t.counted = 0;
    }
    if (one_in(20)) t.workspace[below(6)] ^= UINT64_C(1) << below(64); /* its head */
  }
}

static int64_t greedy_token(const float *x, const int32_t *tokens, bool continues, double penalty, void *workspace) {
  const xent_sampling s = {.size = sizeof s, .greedy = 1, .presence_penalty = penalty};
  int64_t token = 77;
  xent_sample_call c = {.size = sizeof c, .sizes = xent_rows(1, 4), .sampling = &s,
                        .logits = {x, xent_per_class(4, 1, XENT_F32)}, .tokens = {&token, xent_per_row(XENT_I64)},
                        .output_tokens = {tokens, xent_per_class(2, 1, XENT_I32)}, .workspace = workspace,
                        .workspace_size = 256};
  c.output_count = 2;
  c.continues = continues;
  must(xent_sample(&c), "a greedy token");
  return token;
}

/* A call without penalties counts other tokens than the workspace has. */
static void test_tokens_without_penalty(void) {
  static const float x[4] = {1, 2, 3, 4};
  static const int32_t tokens[2] = {3, 0}, others[2] = {2, 0};
  uint64_t workspace[32];
  expect_number("with a penalty", greedy_token(x, tokens, 0, 8, workspace), 2);
  expect_number("without", greedy_token(x, others, 0, 0, workspace), 3);
  expect_number("with a penalty on others", greedy_token(x, others, true, 8, workspace), 3);
}

/* A penalty below 1 raises a value behind the first piece of the row above the largest logit. */
static void test_raised_value(void) {
  enum { RAISED = 1500 };
  static float x[2048];
  static const int32_t token_before = RAISED;
  uint64_t workspace[256];
  int64_t token = 77;
  const xent_sampling s = {.size = sizeof s, .greedy = 1, .repetition_penalty = 0.5};
  xent_sample_call c = {.size = sizeof c, .sizes = xent_rows(1, 2048), .sampling = &s,
                        .logits = {x, xent_per_class(2048, 1, XENT_F32)}, .tokens = {&token, xent_per_row(XENT_I64)},
                        .output_tokens = {&token_before, xent_per_class(1, 1, XENT_I32)}, .workspace = workspace,
                        .workspace_size = sizeof workspace};
  c.output_count = 1;
  x[0] = 1;
  x[RAISED] = 0.75f;
  must(xent_sample(&c), "a raised value");
  expect_number("the token with a raised value", token, RAISED);
}

/* A step of a text: token 8 less, where a penalty of 8 counts the classes of the tokens. */
static xent_status call_text(const int32_t *tokens, int64_t count, bool continues, void *workspace, int64_t *token) {
  static const float x[10] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  const xent_sampling s = {.size = sizeof s, .greedy = 1, .presence_penalty = 8};
  xent_sample_call c = {.size = sizeof c, .sizes = xent_rows(1, 10), .sampling = &s, .report = &few_report,
                        .logits = {x, xent_per_class(10, 1, XENT_F32)}, .tokens = {token, xent_per_row(XENT_I64)},
                        .output_tokens = {tokens, xent_per_class(count, 1, XENT_I32)}, .workspace = workspace,
                        .workspace_size = 512};
  c.output_count = count;
  c.continues = continues;
  few_report = (xent_report){.size = sizeof few_report};
  return xent_sample(&c);
}

/* Tokens that the workspace does not have are checked and counted, whatever the call says. */
static void test_workspace_of_another_text(void) {
  enum { COUNT = 20 };
  uint64_t workspace[64] = {0};
  int32_t zeros[COUNT + 1] = {0}, ones[COUNT + 1];
  int64_t token = 77;
  for (int i = 0; i <= COUNT; i++) ones[i] = 1;
  must(call_text(zeros, COUNT, 0, workspace, &token), "a text of class 0");
  expect_number("its token", token, 1);
  must(call_text(ones, COUNT + 1, true, workspace, &token), "the workspace of that text");
  expect_number("the token of another text", token, 0);
  zeros[3] = 999999;
  memset(workspace, 0, sizeof workspace);
  expect_number("an old token that is no class", call_text(zeros, COUNT, true, workspace, &token), XENT_INVALID_LABEL);
  expect_number("its field", few_report.field, XENT_FIELD_OUTPUT_TOKENS);
  expect_number("the token", few_report.label, 999999);
}

/* A draft was drawn with a probability in (0, 1]. */
static void test_draft_probabilities(void) {
  static const float wrong[] = {0, -0.5f, -3.2f, 1.5f, 100, NAN, INFINITY, -INFINITY}, right[] = {1, 0x1p-149f, 0.5f};
  static const int64_t drafts[FEW_ROWS] = {-1, 2, 3};
  static float q[FEW_ROWS * FEW_CLASSES];
  for (int i = 0; i < FEW_ROWS * FEW_CLASSES; i++) q[i] = -1; /* of other classes */
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong + sizeof right / sizeof *right; i++) {
    const size_t n = sizeof wrong / sizeof *wrong;
    xent_sample_call c = few_call();
    c.draft_tokens = (xent_input){drafts, xent_per_row(XENT_I64)};
    c.draft_probabilities = (xent_input){q, xent_per_class(FEW_CLASSES, 1, XENT_F32)};
    q[FEW_CLASSES + 2] = 0.5f;
    q[2 * FEW_CLASSES + 3] = i < n ? wrong[i] : right[i - n];
    if (i >= n) {
      must(xent_sample(&c), "a draft");
      continue;
    }
    expect_refusal("a draft probability", &c, XENT_INVALID_OPTION, XENT_FIELD_DRAFT_PROBABILITIES, 2);
    expect_number("the draft", few_report.label, 3);
    expect_number("its probability", few_report.value == (double)wrong[i] || isnan(wrong[i]), 1);
    for (int row = 0; row < FEW_ROWS; row++) few_sampling[row].greedy = 1;
    must(xent_sample(&c), "a greedy row ignores its draft");
  }
}

/* Tokens have numbers of 31 bits. */
static void test_refused_counts(void) {
  static const int32_t list[4] = {0, 1, 2, 3};
  const xent_range row = {1, 2};
#define REFUSED(field_, change)                                                                         \
  do {                                                                                                  \
    xent_sample_call c = few_call();                                                                    \
    c.rows = &row;                                                                                      \
    c.prompt_count = 1, c.output_count = 2;                                                 \
    c.prompt_tokens = c.output_tokens = (xent_input){list, {0, 1, 1, XENT_I32, 0}};                     \
    c.workspace = few_workspace, c.workspace_size = sizeof few_workspace;                               \
    change;                                                                                             \
    expect_refusal(#change, &c, XENT_INVALID_SHAPE, XENT_FIELD_##field_, -1);                           \
  } while (0)
  REFUSED(PROMPT_COUNT, (c.prompt_count = INT64_C(1) << 31, c.prompt_tokens.layout.classes = 0));
  REFUSED(OUTPUT_COUNT, (c.output_count = INT64_C(1) << 31, c.output_tokens.layout.classes = 0));
#undef REFUSED
}

int main(int argc, char **argv) {
  const int64_t times = argc > 1 ? atoll(argv[1]) : 1;
  if (argc > 2) source.state = (uint64_t)atoll(argv[2]);
  test_refused_options();
  test_refused_calls();
  test_workspace_of_too_many_classes();
  test_refused_counts();
  test_workspace_of_another_text();
  test_draft_probabilities();
  test_tokens_without_penalty();
  test_raised_value();
  for (int64_t i = 0; i < times * TEXTS; i++) test_text();
  printf("%" PRIu64 " steps of texts, of which %" PRIu64 " add their tokens to those of the step before\n",
         steps_compared, steps_continued);
  test_vectors();
  test_behind_typical_p();
  test_top_k_of_equals();
  test_shares_that_end_at_a_class();
  test_chances(times > 1 ? 24 : 8);
  test_masked_rows();
  test_padding();
  for (int64_t i = 0; i < times * MIXTURES; i++) test_mixture(i % 8 == 0);
  printf("%" PRIu64 " values compared, of %" PRIu64 " rows, %" PRIu64 " differ\n", compared, rows_sampled, different);
  return different ? 1 : 0;
}
