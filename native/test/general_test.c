/* SPDX-License-Identifier: Apache-2.0 */
/*
 * General calls in float32 arithmetic: random mixtures of types, layouts, options, arrays and outputs, with every
 * instruction set against contract/general_row.c, bit by bit; whole rows, rows in parts, shards, backward from
 * statistics, in place.
 * Usage: general_test [PROBLEMS] [SEED]
 */
#include "arrays.h"
#include "contract/general_row.h"
#include "tiers.h"

enum kind { MIXED, FEW, MASKED };
enum { FEW_ROWS = 6, MOST_ROWS = 40, PER_CLASS = -1 }; /* more than two blocks of sixteen */

static uint64_t compared, differing;
static char what_problem[256];

/* Everything about one call: its arrays (data NULL: not there), and what is expected of each row. */
typedef struct {
  xent_shape s;
  xent_options o;
  int64_t rows, n;
  bool ragged, in_place;
  bool late;   /* a long row of labels, whose sums can wait for the second pass */
  bool capped; /* a long row with a softcap and an entropy: the second pass keeps slopes and e of a step */
  bool few;    /* many rows of few classes, most of them without gaps, as the path dense has them */
  bool masked; /* blocks of masked rows of floats with few outputs, which AVX-512 reads in place */
  int64_t offsets[MOST_ROWS + 1];
  array logits, targets, target_weights, row_offsets, mask, weights, row_weights, sink, upstream;
  array losses, lse, correct, log_probabilities, argmax, ranks, entropies, top, top_values, gradient, target_gradient,
      output;
  general_output expected[MOST_ROWS], backward[MOST_ROWS]; /* backward: with upstream */
} problem;

static random_source source;

static bool chance(double p) { return random_unit(&source) < p; }
static int64_t below(int64_t n) { return random_below(&source, n); }

static int32_t any_float_type(void) {
  static const int32_t types[] = {XENT_F32, XENT_F32, XENT_BF16, XENT_F16};
  return types[below(4)];
}
static int32_t type_of_classes(const problem *p) { return p->masked && chance(0.9) ? XENT_F32 : any_float_type(); }
static int32_t any_class_type(void) { return chance(0.5) ? XENT_I32 : XENT_I64; }

static int64_t offset_of(const problem *p, const xent_layout *l, int64_t row) {
  return row / p->s.inner * l->outer + row % p->s.inner * l->inner;
}
/* The index of class k of a row; in ragged arrays rows begin at their offset. */
static int64_t class_at(const problem *p, const array *a, int64_t row, int64_t k) {
  if (p->ragged) return (p->offsets[row] + k) * a->layout.classes;
  return offset_of(p, &a->layout, row) + k * a->layout.classes;
}
static int64_t classes_of(const problem *p, int64_t row) {
  return p->ragged ? p->offsets[row + 1] - p->offsets[row] : p->n;
}

/* A layout of (outer, entries, inner), and how many elements it spans. */
static array array_of(const problem *p, int64_t entries, int32_t type, bool may_repeat) {
  const int64_t outer = p->s.outer, inner = p->s.inner;
  const bool of_classes = entries == PER_CLASS;
  xent_layout l = {.type = type};
  int64_t count;
  if (p->ragged && entries == PER_CLASS) {
    l.classes = chance(0.7) ? 1 : 2;
    count = p->offsets[p->rows] * l.classes + 1;
    return new_array(count, l);
  }
  if (entries == PER_CLASS) entries = p->n;
  if (may_repeat && chance(0.4)) {
    l.classes = 1;
    return new_array(entries, l);
  }
  if ((p->few || p->masked) && of_classes && chance(0.8)) {
    l = (xent_layout){entries * inner, 1, entries, type, 0};
    return new_array(entries * inner * outer, l);
  }
  switch (below(3)) {
    case 0: /* class axis last, rows perhaps further apart */
      l.classes = 1;
      l.inner = entries + (chance(0.3) ? below(5) : 0);
      l.outer = l.inner * inner;
      break;
    case 1: /* class axis in the middle */
      l.inner = 1;
      l.classes = inner;
      l.outer = inner * entries;
      break;
    default: /* class axis first */
      l.inner = 1;
      l.outer = inner;
      l.classes = inner * outer + below(3);
  }
  count = l.outer * outer + l.inner * inner + l.classes * entries;
  return new_array(count, l);
}
static array row_array(const problem *p, int32_t type) {
  xent_layout l = {.inner = 1 + below(2), .type = type};
  l.outer = l.inner * p->s.inner;
  return new_array(l.outer * p->s.outer + 1, l);
}

static int64_t any_class_count(void) {
  static const int64_t counts[] = {1,    2,    127,  128,  129,  1023,  1024,  1025,
                                   2048, 8191, 8192, 8193, 9000, 16384, 16500, 25000};
  const double u = random_unit(&source);
  if (u < 0.7) return 1 + below(60);
  if (u < 0.85) return 1 + below(1200);
  return counts[below((int64_t)(sizeof counts / sizeof *counts))];
}

static void choose_shape(problem *p) {
  static const int64_t of_chunks[] = {8193, 9000, 16384, 20000};
  if (p->few) {
    p->n = 2 + below(58);
    p->rows = 6 + below(MOST_ROWS - 5);
    p->s = (xent_shape){.outer = p->rows, .classes = p->n, .inner = 1};
    return;
  }
  if (p->masked) {
    p->n = chance(0.2) ? 1000 + below(25) : 2 + below(300);
    p->rows = 17 + below(MOST_ROWS - 16);
    p->s = (xent_shape){.outer = p->rows, .classes = p->n, .inner = 1};
    return;
  }
  p->n = p->late || p->capped ? of_chunks[below(4)] : any_class_count();
  p->ragged = !p->late && chance(0.2);
  const int64_t inner = p->ragged ? 1 : 1 + below(3), outer = 1 + below((chance(0.15) ? MOST_ROWS : FEW_ROWS) / inner);
  p->s = (xent_shape){.outer = outer, .classes = p->n, .inner = inner};
  p->rows = outer * inner;
  p->offsets[0] = below(3);
  for (int64_t row = 0; row < p->rows; row++)
    p->offsets[row + 1] = p->offsets[row] + (chance(0.2) ? 0 : 1 + below(p->n));
  if (p->ragged) {
    p->row_offsets = new_array(p->rows + 1, (xent_layout){.type = any_class_type()});
    for (int64_t row = 0; row <= p->rows; row++) set_number(&p->row_offsets, row, (double)p->offsets[row]);
  }
}

/* Of the whole range of temperatures and softcaps; a power of two in half of the cases. */
static double any_factor(void) {
  const double power = 64 * random_unit(&source) - 32;
  return exp2(chance(0.5) ? rint(power) : power);
}

static void choose_options(problem *p, int targets) {
  xent_options *o = &p->o;
  *o = xent_default_options();
  if (chance(0.5)) o->fully_masked = XENT_FULLY_MASKED_ZERO;
  static const double scales[] = {1, 0.25, -1.0 / 3, 1e-30, 1e-38, 3e-45, 1e30, -0.0};
  if (chance(0.4)) o->gradient_scale = scales[below(8)];
  if (chance(0.3))
    o->temperature = chance(0.3) ? 2 : chance(0.2) ? any_factor() : pow(10, 3 * random_unit(&source) - 1);
  if (p->capped || chance(0.3))
    o->softcap = chance(0.5) ? 30 : chance(0.1) ? any_factor() : 1 + 50 * random_unit(&source);
  if (chance(0.3)) o->z_loss = chance(0.5) ? 1e-4 : random_unit(&source);
  if (targets != NO_TARGETS && chance(0.5)) {
    const double u = random_unit(&source);
    o->label_smoothing = chance(0.2) ? 1 : chance(0.3) ? 1 - ldexp(u, -(int)below(40)) : u * 0.4;
  }
  if (targets == LABEL && chance(0.4)) o->smoothing = XENT_SMOOTHING_OTHERS;
  if (targets != NO_TARGETS && o->label_smoothing == 0 && chance(0.4)) o->probability_clamp = chance(0.3) ? 0.5 : 1e-7;
  if (targets == LABEL && o->label_smoothing == 0 && o->z_loss == 0 && o->probability_clamp == 0 && chance(0.6))
    o->focal_gamma = chance(0.5) ? 2 : chance(0.1) ? any_factor() : 6 * random_unit(&source);
  if ((targets == LABEL || targets == SPARSE) && chance(0.5)) {
    o->has_ignore_index = 1;
    o->ignore_index = chance(0.5) ? -1 : 0;
  }
  if (p->masked) o->softcap = 0;
  if (p->masked && chance(0.5)) o->gradient_scale = chance(0.5) ? 3e-45 : 1e-38;
  if (!p->late) return;
  o->softcap = 0;
  o->smoothing = XENT_SMOOTHING_UNIFORM;
  if (chance(0.5)) o->gradient_scale = chance(0.5) ? 3e-45 : 1e-38;
}

static void fill_logits(problem *p) {
  float *x = must_allocate((size_t)p->n * sizeof *x);
  const double scale = p->o.temperature != 0 && chance(0.5) ? p->o.temperature : 1;
  for (int64_t row = 0; row < p->rows; row++) {
    const int64_t n = classes_of(p, row);
    fill_row(x, n, n == 0 ? 0 : chance(0.6) ? 0 : (int)below(ROW_KINDS), &source);
    for (int64_t k = 0; k < n; k++) set_number(&p->logits, class_at(p, &p->logits, row, k), (double)x[k] * scale);
  }
  free(x);
}

static bool is_masked(const problem *p, int64_t row, int64_t k) {
  return p->mask.data && get_number(&p->mask, class_at(p, &p->mask, row, k)) == 0;
}
/* A class that is not masked, or -1. */
static int64_t lawful_class(const problem *p, int64_t row) {
  const int64_t n = classes_of(p, row);
  for (int tries = 0; n && tries < 50; tries++) {
    const int64_t k = below(n);
    if (!is_masked(p, row, k)) return k;
  }
  for (int64_t k = 0; k < n; k++)
    if (!is_masked(p, row, k)) return k;
  return -1;
}

static void choose_mask(problem *p) {
  p->mask = array_of(p, PER_CLASS, XENT_U8, true);
  for (int64_t row = 0; row < p->rows; row++)
    for (int64_t k = 0; k < classes_of(p, row); k++)
      set_number(&p->mask, class_at(p, &p->mask, row, k), chance(0.7) ? 1 + (double)below(255) : 0);
  if (p->n == 1 || chance(0.1)) /* nothing is left of a row */
    for (int64_t k = 0; k < classes_of(p, 0); k++) set_number(&p->mask, class_at(p, &p->mask, 0, k), 0);
}

/* Labels or sparse classes; rows without a lawful class are ignored, which may ask for an ignore index. */
static void choose_targets(problem *p, int targets) {
  if (targets == DENSE) {
    p->targets = array_of(p, PER_CLASS, any_float_type(), false);
    const bool signs = chance(0.2);
    for (int64_t row = 0; row < p->rows; row++)
      for (int64_t k = 0; k < classes_of(p, row); k++)
        set_number(&p->targets, class_at(p, &p->targets, row, k),
                   chance(0.2)     ? 0
                   : chance(0.001) ? (double)INFINITY
                                   : (random_unit(&source) - (signs ? 0.3 : 0)) * 2 / (double)p->n);
    return;
  }
  static const int32_t types[] = {XENT_I8, XENT_U8, XENT_I16, XENT_I32, XENT_I64, XENT_U16, XENT_U32, XENT_U64};
  const int32_t type = p->n <= 120 ? types[below(8)] : p->n <= 30000 ? types[2 + below(6)] : XENT_I64;
  const bool unsigned_type = type == XENT_U8 || type >= XENT_U16;
  if (unsigned_type && p->o.ignore_index < 0) p->o.ignore_index = 200;
  const bool many = targets == SPARSE && chance(p->n > XENT_CHUNK ? 0.5 : 0.05);
  p->s.target_count = targets == SPARSE ? 1 + below(many ? 2500 : 5) : 0;
  p->targets = targets == SPARSE ? array_of(p, p->s.target_count, type, false) : row_array(p, type);
  if (targets == SPARSE) p->target_weights = array_of(p, p->s.target_count, any_float_type(), false);
  for (int64_t row = 0; row < p->rows; row++)
    for (int64_t j = 0; j < (targets == SPARSE ? p->s.target_count : 1); j++) {
      int64_t k = lawful_class(p, row);
      if (k < 0 || (p->o.has_ignore_index && chance(0.15))) {
        if (!p->o.has_ignore_index) {
          p->o.has_ignore_index = 1;
          p->o.ignore_index = unsigned_type ? 200 : -1;
        }
        k = p->o.ignore_index;
      }
      const int64_t at = offset_of(p, &p->targets.layout, row) + j * p->targets.layout.classes;
      set_number(&p->targets, at, (double)k);
      if (targets == SPARSE)
        set_number(&p->target_weights,
                   offset_of(p, &p->target_weights.layout, row) + j * p->target_weights.layout.classes,
                   chance(0.2) ? 0 : random_unit(&source));
    }
}

static void choose_row_inputs(problem *p, int targets) {
  if (!p->late && chance(p->masked ? 0.1 : 0.3)) {
    p->weights = new_array(p->n * 2, (xent_layout){.classes = 1 + below(2), .type = any_float_type()});
    const bool ones = chance(0.2), odd = chance(0.25);
    for (int64_t k = 0; k < p->n; k++)
      set_number(&p->weights, k * p->weights.layout.classes,
                 odd && chance(0.2) ? random_odd(&source) : ones ? 1 : chance(0.1) ? 0 : 2 * random_unit(&source));
    p->weights.layout.outer = p->weights.layout.inner = 77; /* not looked at */
  }
  if (chance(0.3)) {
    p->row_weights = row_array(p, chance(0.3) ? XENT_U8 : any_float_type());
    for (int64_t row = 0; row < p->rows; row++)
      set_number(&p->row_weights, offset_of(p, &p->row_weights.layout, row),
                 chance(0.3) ? 0 : 1 + (double)below(3) * 0.75);
  }
  if (chance(0.3)) {
    p->sink = row_array(p, any_float_type());
    if (chance(0.3)) p->sink.layout.outer = p->sink.layout.inner = 0;
    for (int64_t row = 0; row < p->rows; row++)
      set_number(&p->sink, offset_of(p, &p->sink.layout, row),
                 chance(0.2)    ? -(double)INFINITY
                 : chance(0.05) ? (double)NAN
                 : chance(0.1)  ? 30000
                                : (double)random_normal(&source) * 4);
  }
  p->upstream = row_array(p, any_float_type());
  for (int64_t row = 0; row < p->rows; row++)
    set_number(&p->upstream, offset_of(p, &p->upstream.layout, row), (double)random_normal(&source));
  (void)targets;
}

static void choose_gradients(problem *p) {
  p->in_place = chance(0.25);
  if (p->in_place) {
    p->gradient = p->output =
        new_array((int64_t)p->logits.bytes / (int64_t)size_of_type(p->logits.layout.type), p->logits.layout);
  } else {
    p->gradient = array_of(p, PER_CLASS, type_of_classes(p), false);
    p->output = array_of(p, PER_CLASS, type_of_classes(p), false);
  }
}
static void choose_outputs(problem *p, int targets) {
  const bool labels = targets == LABEL;
  if (targets != NO_TARGETS && chance(0.8)) p->losses = row_array(p, any_float_type());
  if (chance(0.5)) p->lse = row_array(p, any_float_type());
  if (labels && chance(p->masked ? 0.1 : 0.4)) p->correct = row_array(p, XENT_U8);
  if (labels && chance(0.4)) p->log_probabilities = row_array(p, any_float_type());
  if (p->masked) {
    choose_gradients(p);
    return;
  }
  if (chance(0.4)) p->argmax = row_array(p, any_class_type());
  if (labels && chance(0.4)) p->ranks = row_array(p, any_class_type());
  if (p->capped || chance(0.4)) p->entropies = row_array(p, any_float_type());
  if (chance(0.4)) {
    p->s.top_count = 1 + below(p->n < 5 || chance(0.15) ? p->n : 5);
    if (chance(0.8)) p->top = array_of(p, p->s.top_count, any_class_type(), false);
    if (!p->top.data || chance(0.8)) p->top_values = array_of(p, p->s.top_count, any_float_type(), false);
  }
  if ((targets == DENSE || targets == SPARSE) && chance(0.5))
    p->target_gradient = array_of(p, targets == SPARSE ? p->s.target_count : PER_CLASS, any_float_type(), false);
  choose_gradients(p);
}

static void expect_row(problem *p, int targets, int64_t row, bool backward, general_output *out) {
  const int64_t n = classes_of(p, row), count = p->s.target_count;
  const size_t room = (size_t)(n + count + 1);
  float *x = must_allocate(room * 4), *q = must_allocate(room * 4);
  uint8_t *mask = must_allocate(room);
  double *weights = must_allocate((size_t)p->n * 8), *probabilities = must_allocate(room * 8);
  int64_t *classes = must_allocate(room * 8);
  for (int64_t k = 0; k < n; k++) {
    x[k] = (float)get_number(&p->logits, class_at(p, &p->logits, row, k));
    mask[k] = !is_masked(p, row, k);
    q[k] = targets == DENSE ? (float)get_number(&p->targets, class_at(p, &p->targets, row, k)) : 0;
  }
  for (int64_t k = 0; p->weights.data && k < p->n; k++)
    weights[k] = get_number(&p->weights, k * p->weights.layout.classes);
  for (int64_t j = 0; j < count; j++) {
    classes[j] =
        (int64_t)get_number(&p->targets, offset_of(p, &p->targets.layout, row) + j * p->targets.layout.classes);
    probabilities[j] = get_number(&p->target_weights,
                                  offset_of(p, &p->target_weights.layout, row) + j * p->target_weights.layout.classes);
  }
  const xent_options *o = &p->o;
  general_input in = {.n = n,
                      .logits = x,
                      .mask = p->mask.data ? mask : NULL,
                      .softcap = o->softcap,
                      .temperature = o->temperature,
                      .has_sink = p->sink.data,
                      .targets = targets,
                      .masked_is_zero = o->fully_masked == XENT_FULLY_MASKED_ZERO,
                      .others = o->smoothing,
                      .has_ignore = o->has_ignore_index,
                      .ignore = o->ignore_index,
                      .q = q,
                      .count = count,
                      .classes = classes,
                      .probabilities = probabilities,
                      .weights = p->weights.data ? weights : NULL,
                      .row_weight = 1,
                      .has_row_weight = p->row_weights.data,
                      .eps = o->label_smoothing,
                      .z_loss = o->z_loss,
                      .gamma = o->focal_gamma,
                      .clamp = o->probability_clamp};
  if (targets == LABEL) in.label = (int64_t)get_number(&p->targets, offset_of(p, &p->targets.layout, row));
  if (p->sink.data) in.sink = (float)get_number(&p->sink, offset_of(p, &p->sink.layout, row));
  if (p->row_weights.data) in.row_weight = get_number(&p->row_weights, offset_of(p, &p->row_weights.layout, row));
  in.target_scale = in.scale = scale_of(o) * in.row_weight;
  if (backward) in.scale *= get_number(&p->upstream, offset_of(p, &p->upstream.layout, row));
  float *numbers = must_allocate(room * 6 * 4);
  out->softmax = numbers, out->log_softmax = numbers + room, out->gradient = numbers + 2 * room;
  out->target_gradient = numbers + 3 * room, out->top_values = numbers + 4 * room, out->scratch = numbers + 5 * room;
  out->top = must_allocate(room * 8);
  const size_t chunks = (size_t)xent_chunks(n);
  out->states = must_allocate(4 * chunks * sizeof *out->states);
  out->softmax_states = out->states + 2 * chunks;
  contract_general_row(&in, out);
  free(x), free(q), free(mask), free(weights), free(probabilities), free(classes);
}

static void free_expected(general_output *out) {
  free(out->softmax);
  free(out->top);
  free(out->states);
}

static void check(const array *a, int64_t at, double expected, const char *what, int64_t row, int64_t k) {
  compared++;
  if (has_bits_of(a, at, expected)) return;
  if (differing++ < 12)
    fprintf(stderr, "%s: %s, row %lld, %lld: %a is not %a\n", what_problem, what, (long long)row, (long long)k,
            get_number(a, at), expected);
}

static void check_rows(const problem *p, const array *a, const char *what, double (*value)(const general_output *)) {
  for (int64_t row = 0; a->data && row < p->rows; row++)
    check(a, offset_of(p, &a->layout, row), value(&p->expected[row]), what, row, -1);
}
static double of_loss(const general_output *e) { return (double)e->loss; }
static double of_lse(const general_output *e) { return (double)e->lse; }
static double of_softmax_lse(const general_output *e) { return (double)e->softmax_lse; }
static double of_hit(const general_output *e) { return e->hit; }
static double of_log_probability(const general_output *e) { return (double)e->log_probability; }
static double of_entropy(const general_output *e) { return (double)e->entropy; }
static double of_argmax(const general_output *e) { return (double)e->argmax; }
static double of_rank(const general_output *e) { return (double)e->rank; }

static void check_classes(const problem *p, const array *a, const char *what, const general_output *rows, int which) {
  for (int64_t row = 0; row < p->rows; row++) {
    const float *const all[] = {rows[row].softmax, rows[row].log_softmax, rows[row].gradient,
                                rows[row].target_gradient};
    for (int64_t k = 0; k < classes_of(p, row); k++)
      check(a, class_at(p, a, row, k), (double)all[which][k], what, row, k);
  }
}
static void check_entries(const problem *p, const array *a, const char *what, int64_t count, int which) {
  for (int64_t row = 0; a->data && row < p->rows; row++)
    for (int64_t j = 0; j < count; j++) {
      const general_output *e = &p->expected[row];
      const bool there = j < classes_of(p, row);
      const double missing = e->ignored || e->lse != e->lse ? (double)NAN : -(double)INFINITY;
      const double value = which == 0 ? (there ? (double)e->top[j] : -1)
                           : which == 1 ? (there ? (double)e->top_values[j] : missing) : (double)e->target_gradient[j];
      check(a, offset_of(p, &a->layout, row) + j * a->layout.classes, value, what, row, j);
    }
}

/* States and statistics, byte by byte. */
static void check_record(const void *got, const void *expected, const char *what, int64_t row, int64_t k) {
  compared++;
  if (memcmp(got, expected, sizeof(row_state)) && differing++ < 12)
    fprintf(stderr, "%s: %s, row %lld, %lld\n", what_problem, what, (long long)row, (long long)k);
}

static void check_statistics(const problem *p, const xent_statistics *got, bool labelled, const char *what) {
  for (int64_t row = 0; row < p->rows; row++) {
    const general_output *e = &p->expected[row];
    check_record(&got[row], labelled ? &e->statistics : &e->softmax_statistics, what, row, -1);
  }
}

/* What was there before, and nothing that is not written. */
static void *begin_output(array *a, const array *in_place_of) {
  if (!a->data) return NULL;
  memset(a->data, 0xa5, a->bytes);
  if (in_place_of) memcpy(a->data, in_place_of->data, in_place_of->bytes);
  return a->data;
}

static void put_layouts(problem *p) {
  xent_shape *s = &p->s;
  s->logits = p->logits.layout, s->output = p->output.layout, s->gradient = p->gradient.layout;
  s->upstream = p->upstream.layout, s->targets = p->targets.layout, s->losses = p->losses.layout;
  s->log_sum_exp = p->lse.layout, s->correct = p->correct.layout, s->target_weights = p->target_weights.layout;
  s->row_offsets = p->row_offsets.layout, s->class_mask = p->mask.layout, s->class_weights = p->weights.layout;
  s->row_weights = p->row_weights.layout, s->sink = p->sink.layout, s->log_probabilities = p->log_probabilities.layout;
  s->argmax = p->argmax.layout, s->ranks = p->ranks.layout, s->entropies = p->entropies.layout;
  s->top_classes = p->top.layout, s->top_log_probabilities = p->top_values.layout;
  s->target_gradient = p->target_gradient.layout;
}

static void check_outputs(problem *p, int targets) {
  check_rows(p, &p->losses, "loss", of_loss);
  check_rows(p, &p->lse, "log-sum-exp", of_lse);
  check_rows(p, &p->correct, "hit", of_hit);
  check_rows(p, &p->log_probabilities, "log-probability", of_log_probability);
  check_rows(p, &p->argmax, "argmax", of_argmax);
  check_rows(p, &p->ranks, "rank", of_rank);
  check_rows(p, &p->entropies, "entropy", of_entropy);
  check_entries(p, &p->top, "top classes", p->s.top_count, 0);
  check_entries(p, &p->top_values, "top log-probabilities", p->s.top_count, 1);
  if (p->target_gradient.data && targets == SPARSE)
    check_entries(p, &p->target_gradient, "target gradient", p->s.target_count, 2);
  else if (p->target_gradient.data)
    check_classes(p, &p->target_gradient, "target gradient", p->expected, 3);
}

static void run_cross_entropy(problem *p, int targets) {
  xent_statistics statistics[MOST_ROWS];
  xent_exact_sum exact_sum = xent_empty_exact_sum(), expected = xent_empty_exact_sum();
  xent_report report = {.size = sizeof report};
  const bool soft = targets != NO_TARGETS;
  const array *given = p->in_place && soft ? &p->logits : NULL;
  void *gradient = soft ? begin_output(&p->gradient, given) : NULL;
  const void *logits = given ? gradient : p->logits.data;
  array *const outputs[] = {&p->losses, &p->lse, &p->correct, &p->log_probabilities, &p->argmax, &p->ranks,
                            &p->entropies,
                            &p->top, &p->top_values, &p->target_gradient};
  for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) begin_output(outputs[i], NULL);
  const cross_entropy_arrays a = {.logits = logits,
                                  .targets = p->targets.data,
                                  .target_weights = p->target_weights.data,
                                  .row_offsets = p->row_offsets.data,
                                  .class_mask = p->mask.data,
                                  .class_weights = p->weights.data,
                                  .row_weights = p->row_weights.data,
                                  .sink = p->sink.data,
                                  .losses = p->losses.data,
                                  .log_sum_exp = p->lse.data,
                                  .correct = p->correct.data,
                                  .log_probabilities = p->log_probabilities.data,
                                  .argmax = p->argmax.data,
                                  .ranks = p->ranks.data,
                                  .entropies = p->entropies.data,
                                  .top_classes = p->top.data,
                                  .top_log_probabilities = p->top_values.data,
                                  .gradient = gradient,
                                  .target_gradient = p->target_gradient.data,
                                  .statistics = soft || p->top.data ? statistics : NULL,
                                  .exact_sum = soft ? &exact_sum : NULL};
  must(cross_entropy_of(&p->s, &p->o, 0, p->rows, &a, &report), "cross-entropy");
  check_outputs(p, targets);
  if (a.statistics) check_statistics(p, statistics, true, "statistics");
  if (!soft) return;
  check_classes(p, &p->gradient, "gradient", p->expected, 2);
  for (int64_t row = 0; row < p->rows; row++) xent_exact_sum_add(&expected, &p->expected[row].loss, XENT_F32, 1, 1);
  compared++;
  if (memcmp(&exact_sum, &expected, sizeof exact_sum) && differing++ < 12) fprintf(stderr, "%s: exact_sum\n",
      what_problem);
  gradient = begin_output(&p->gradient, given);
  must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &p->s, &p->o, 0, p->rows, 0, p->n, NULL),
              ARRAYS(given ? gradient : p->logits.data, p->targets.data, p->upstream.data, gradient,
                     p->target_weights.data, p->mask.data, p->weights.data, p->row_weights.data, p->row_offsets.data,
                     statistics)),
       "backward");
  check_classes(p, &p->gradient, "gradient with upstream", p->backward, 2);
}

static void run_softmax(problem *p) {
  const array *given = p->in_place ? &p->logits : NULL;
  for (int log = 0; log < 2; log++) {
    void *y = begin_output(&p->output, given);
    must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX : XENT_FUNCTION_SOFTMAX, &p->s, &p->o, 0, p->rows, 0, p->n,
                           NULL),
                ARRAYS(given ? y : p->logits.data, y, p->mask.data, p->sink.data, p->row_offsets.data)),
         "softmax");
    check_classes(p, &p->output, log ? "log-softmax" : "softmax", p->expected, log);
  }
  if (!p->lse.data) return;
  begin_output(&p->lse, NULL);
  must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &p->s, &p->o, 0, p->rows, NULL),
              ARRAYS(p->logits.data, p->lse.data, p->mask.data, p->sink.data, p->row_offsets.data)),
       "log-sum-exp");
  check_rows(p, &p->lse, "log-sum-exp alone", of_softmax_lse);
}

/* A part of the classes, as a range of the tensor or as a shard's own arrays. */
typedef struct {
  xent_shape s;
  int64_t begin, end; /* of the arrays */
  const unsigned char *logits, *mask, *weights, *targets;
  unsigned char *output, *gradient;
} part;

static unsigned char *from_class(const array *a, int64_t first) {
  return a->data ? a->data + (size_t)(first * a->layout.classes) * size_of_type(a->layout.type) : NULL;
}

static part part_of(const problem *p, int targets, int64_t begin, int64_t end, bool shard) {
  part r = {.s = p->s, .begin = begin, .end = end};
  const int64_t first = shard ? begin : 0;
  if (shard) {
    r.s.first_class = begin;
    r.s.all_classes = p->n;
    r.s.classes = end - begin;
    r.s.top_count = 0;
    r.begin = 0, r.end = end - begin;
  }
  r.logits = from_class(&p->logits, first);
  r.mask = from_class(&p->mask, first);
  r.weights = from_class(&p->weights, first);
  r.targets = targets == DENSE ? from_class(&p->targets, first) : p->targets.data;
  r.output = from_class(&p->output, first);
  r.gradient = from_class(&p->gradient, first);
  return r;
}

/* First passes of the parts, gathered, and the finished rows. False if a shard cannot have enough information. */
static bool states_of_parts(problem *p, int targets, const part *parts, int count, xent_statistics *statistics) {
  const int64_t chunks = xent_chunks(p->n);
  xent_state *states = must_allocate((size_t)(chunks * p->rows) * sizeof *states),
             *mine = must_allocate((size_t)(chunks * p->rows) * sizeof *mine);
  xent_report report = {.size = sizeof report};
  xent_exact_sum exact_sum = xent_empty_exact_sum();
  const void *whole = targets == NO_TARGETS ? NULL : p->targets.data;
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < count; i++) {
      const part *r = &parts[i];
      const xent_status status =
          run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &r->s, &p->o, 0, p->rows, r->begin, r->end, &report),
                 ARRAYS(r->logits, whole ? r->targets : NULL, r->mask, p->target_weights.data, r->weights,
                        round ? statistics : NULL, mine));
      if (status == XENT_UNSUPPORTED && r->s.all_classes && report.field == XENT_FIELD_CLASS_MASK) {
        free(states), free(mine);
        return false;
      }
      must(status, "states");
      const int64_t own = xent_chunks(r->s.classes), at = r->s.first_class / XENT_CHUNK;
      for (int64_t row = 0; row < p->rows; row++)
        for (int64_t c = r->begin / XENT_CHUNK; c < xent_chunks(r->end); c++)
          states[row * chunks + at + c] = mine[row * own + c];
    }
    for (int64_t row = 0; row < p->rows; row++) {
      const general_output *e = &p->expected[row];
      const row_state *expected = (whole ? e->states : e->softmax_states) + round * chunks;
      const bool again = whole ? e->again && !e->ignored : e->softmax_again; /* an ignored row needs no second round */
      for (int64_t c = 0; (!round || again) && c < chunks; c++)
        check_record(&states[row * chunks + c], &expected[c], "state", row, c);
    }
    const bool labels = targets == LABEL;
    must(run_at((function_call){.function = XENT_FUNCTION_FINISH,
                            .shape = &p->s,
                            .options = &p->o,
                            .choice = round,
                            .report = &report,
                            .row_begin = 0,
                            .row_end = p->rows},
                ARRAYS(whole, whole ? p->losses.data : NULL, p->lse.data, labels ? p->correct.data : NULL,
                       whole ? p->weights.data : NULL, whole ? p->row_weights.data : NULL, p->sink.data, states,
                       statistics, whole ? &exact_sum : NULL)),
         "finish");
    if (!report.unfinished) break;
  }
  check_statistics(p, statistics, whole, "statistics in parts");
  free(states), free(mine);
  return true;
}

static void run_parts(problem *p, int targets, bool shard) {
  part parts[4];
  int count = 0;
  for (int64_t begin = 0; begin < p->n && count < 4; count++) {
    const int64_t left = xent_chunks(p->n - begin), take = count == 3 ? left : 1 + below(left);
    const int64_t end = begin + take * XENT_CHUNK < p->n ? begin + take * XENT_CHUNK : p->n;
    parts[count] = part_of(p, targets, begin, end, shard);
    begin = end;
  }
  xent_statistics statistics[MOST_ROWS];
  begin_output(&p->lse, NULL);
  if (states_of_parts(p, NO_TARGETS, parts, count, statistics)) {
    check_rows(p, &p->lse, "log-sum-exp in parts", of_softmax_lse);
    for (int log = 0; log < 2; log++) {
      begin_output(&p->output, NULL);
      for (int i = count - 1; i >= 0; i--) {
        const part *r = &parts[i];
        must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX : XENT_FUNCTION_SOFTMAX, &r->s, &p->o, 0, p->rows,
                               r->begin, r->end, NULL),
                    ARRAYS(r->logits, r->output, r->mask, p->sink.data, NULL, statistics)),
             "softmax in parts");
      }
      check_classes(p, &p->output, log ? "log-softmax in parts" : "softmax in parts", p->expected, log);
    }
  }
  begin_output(&p->lse, NULL), begin_output(&p->losses, NULL), begin_output(&p->correct, NULL);
  if (targets != LABEL && p->o.probability_clamp > 0) return; /* of whole rows alone */
  if (targets == NO_TARGETS || !states_of_parts(p, targets, parts, count, statistics)) return;
  if (p->o.probability_clamp == 0 || p->losses.data) check_rows(p, &p->losses, "loss in parts", of_loss);
  check_rows(p, &p->lse, "log-sum-exp in parts of cross-entropy", of_lse);
  check_rows(p, &p->correct, "correct in parts", of_hit);
  begin_output(&p->gradient, NULL);
  for (int i = 0; i < count; i++) {
    const part *r = &parts[i];
    must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &r->s, &p->o, 0, p->rows, r->begin, r->end, NULL),
                ARRAYS(r->logits, r->targets, p->upstream.data, r->gradient, p->target_weights.data, r->mask,
                       r->weights, p->row_weights.data, NULL, statistics)),
         "backward in parts");
  }
  check_classes(p, &p->gradient, "gradient in parts", p->backward, 2);
}

static void run_problem(uint64_t seed, enum kind kind) {
  source.state = seed * 0x9E3779B97F4A7C15ull;
  problem p = {.few = kind == FEW, .masked = kind == MASKED};
  p.late = kind == MIXED && chance(0.03);
  p.capped = kind == MIXED && !p.late && chance(0.03);
  const int targets = p.late || p.masked ? LABEL : (int)below(4);
  choose_shape(&p);
  choose_options(&p, targets);
  p.logits = array_of(&p, PER_CLASS, type_of_classes(&p), false);
  fill_logits(&p);
  if (p.masked || (!p.late && chance(0.3))) choose_mask(&p);
  if (targets != NO_TARGETS) choose_targets(&p, targets);
  choose_row_inputs(&p, targets);
  choose_outputs(&p, targets);
  put_layouts(&p);
  for (int64_t row = 0; row < p.rows; row++) {
    expect_row(&p, targets, row, false, &p.expected[row]);
    expect_row(&p, targets, row, true, &p.backward[row]);
  }
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    p.o.isa = isa;
    snprintf(what_problem, sizeof what_problem, "problem %llu, %s, targets %d, %lld classes", (unsigned long long)seed,
             xent_isa_name(isa), targets, (long long)p.n);
    run_cross_entropy(&p, targets);
    run_softmax(&p);
    if (!p.ragged && !p.in_place) run_parts(&p, targets, false);
    if (!p.ragged && !p.in_place) run_parts(&p, targets, true);
  }
  for (int64_t row = 0; row < p.rows; row++) {
    free_expected(&p.expected[row]);
    free_expected(&p.backward[row]);
  }
  if (p.in_place) p.output.data = NULL;
  array *const all[] = {&p.logits,
                        &p.targets,
                        &p.target_weights,
                        &p.row_offsets,
                        &p.mask,
                        &p.weights,
                        &p.row_weights,
                        &p.sink,
                        &p.upstream,
                        &p.losses,
                        &p.lse,
                        &p.correct,
                        &p.log_probabilities,
                        &p.argmax,
                        &p.ranks,
                        &p.entropies,
                        &p.top,
                        &p.top_values,
                        &p.gradient,
                        &p.target_gradient,
                        &p.output};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free_array(all[i]);
}

int main(int argc, char **argv) {
  const long problems = argc > 1 ? strtol(argv[1], NULL, 10) : 500;
  const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  if (problems < 1) {
    fprintf(stderr, "usage: general_test [PROBLEMS] [SEED]\n");
    return 2;
  }
  static const uint64_t once_wrong[] = {1000338}; /* a mask, and a scale that is -0 as a float */
  for (size_t i = 0; i < sizeof once_wrong / sizeof *once_wrong; i++) run_problem(once_wrong[i], MIXED);
  const long of_few = problems / 2, of_masked = problems / 8;
  for (uint64_t seed = first; seed < first + (uint64_t)problems; seed++) run_problem(seed, MIXED);
  for (uint64_t seed = first; seed < first + (uint64_t)of_few; seed++) run_problem(seed, FEW);
  for (uint64_t seed = first; seed < first + (uint64_t)of_masked; seed++) run_problem(seed, MASKED);
  printf("%ld mixtures of options, %llu values compared, %llu differ\n", problems + of_few + of_masked,
         (unsigned long long)compared, (unsigned long long)differing);
  return differing != 0;
}
