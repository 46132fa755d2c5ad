/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of any operation with any options, arrays, types and layouts, ready to be timed by bench and grid. */
#ifndef XENT_BENCH_PROBLEM_H
#define XENT_BENCH_PROBLEM_H

#include "calls.h"
#include "rows.h"

enum {
  SOFTMAX, LOG_SOFTMAX, SUMS, SOFTMAX_BACKWARD, LOG_SOFTMAX_BACKWARD, LOSS, LOSS_AND_GRADIENT, BACKWARD, BINARY, COPY,
  READ
};
static const char *const operation_names[] = {"softmax", "log-softmax", "log-sum-exp", "softmax backward",
                                              "log-softmax backward", "cross-entropy", "loss and gradient",
                                              "gradient from statistics", "binary loss, gradient"};

/* Arrays that a plain call does not have. */
enum {
  CLASS_WEIGHTS = 1 << 0,
  ROW_WEIGHTS = 1 << 1,
  SINK = 1 << 2,
  CLASS_MASK = 1 << 3,
  ROW_MASK = 1 << 4, /* a mask per row */
  PROBABILITIES = 1 << 5,
  LOG_SUM_EXP = 1 << 6,
  LOSSES = 1 << 7,
  LOG_PROBABILITY = 1 << 8,
  CORRECT = 1 << 9,
  ARGMAX = 1 << 10,
  RANKS = 1 << 11,
  TOP_8 = 1 << 12,
  ENTROPY = 1 << 13,
  STATISTICS = 1 << 14,
  BYTE_LABELS = 1 << 15,
  ELEMENT_WEIGHTS = 1 << 16,
  POSITIVE_WEIGHTS = 1 << 17,
  UNSIGNED_LABELS = 1 << 18,
  SELECTED_8 = 1 << 19, /* instead of the label: log-probabilities of eight classes */
  EXACT_SUM = 1 << 20,
  SPARSE_4 = 1 << 21, /* instead of the label: four classes with weights */
  UPSTREAM = 1 << 22, /* of a gradient from statistics: one number per row */
  TARGET_GRADIENT = 1 << 23,
  IGNORED = 1 << 24, /* every tenth label is the ignore index */
  ALL = CLASS_WEIGHTS | ROW_WEIGHTS | SINK | LOG_SUM_EXP | LOSSES | LOG_PROBABILITY | CORRECT | ARGMAX | ENTROPY |
        STATISTICS
};

/* The difference of a call from the plain one. */
typedef struct {
  unsigned arrays;
  int32_t type; /* of logits and outputs; 0: XENT_F32 */
  xent_options options;
} variant;

/* Arrays with one number per class, by element type, for any shape up to a maximum count. */
typedef struct {
  void *x[XENT_BF16 + 1], *g[XENT_BF16 + 1];
  void *y;
  float *probabilities;
} numbers;

enum { IGNORE_INDEX = -100, ROOM = 64 /* bytes of a row in each output per row */ };

/* Everything that a call may read and write, of one shape. */
typedef struct {
  int64_t rows, classes, inner;
  xent_layout lies; /* layout of the arrays with one number per class, except the type */
  int64_t offset;   /* and their offset from the begin of a cache line, in bytes */
  const numbers *n;
  float *class_weights, *per_row; /* per_row: row weights, sinks, upstream */
  uint8_t *class_mask, *row_mask;
  int32_t *labels, *ignored, *selected; /* eight classes of each row */
  void *results; /* outputs per row */
  xent_statistics *statistics;
  xent_exact_sum *exact_sum;
} problem;

/* A call that is ready to be made, once or row by row. */
typedef struct {
  const doors *library;
  int operation;
  bool by_rows;
  const problem *p;
  xent_shape shape;
  xent_options options;
  xent_report *report; /* or NULL */
  cross_entropy_arrays arrays;
  const void *upstream;
  void *y;
} call;

static inline xent_status run_function(const call *c, int32_t function, int64_t begin, int64_t end,
                                       const void *const *arrays) {
  return run_through(c->library, on_classes(function, &c->shape, &c->options, begin, end, 0, c->p->classes, c->report),
                     arrays);
}

static inline xent_status cross_entropy(const call *c, int64_t begin, int64_t end) {
  const cross_entropy_arrays *a = &c->arrays;
  return run_function(c, XENT_FUNCTION_CROSS_ENTROPY, begin, end,
                      ARRAYS(a->logits, a->targets, a->losses, a->log_sum_exp, a->correct, a->gradient,
                             a->target_weights,
                             a->class_mask, a->class_weights, a->row_weights, a->sink, a->log_probabilities, a->argmax,
                             a->ranks, a->entropies, a->top_classes, a->top_log_probabilities, a->target_gradient,
                             NULL, a->statistics, a->exact_sum));
}

static inline xent_status run_rows(const call *c, int64_t begin, int64_t end) {
  const problem *p = c->p;
  const xent_shape *s = &c->shape;
  const cross_entropy_arrays *a = &c->arrays;
  switch (c->operation) {
    case SOFTMAX: case LOG_SOFTMAX:
      return run_function(c, c->operation == SOFTMAX ? XENT_FUNCTION_SOFTMAX : XENT_FUNCTION_LOG_SOFTMAX, begin, end,
                          ARRAYS(a->logits, c->y, a->class_mask, a->sink));
    case SUMS:
      return run_function(c, XENT_FUNCTION_LOG_SUM_EXP, begin, end,
                          ARRAYS(a->logits, p->results, a->class_mask, a->sink));
    case SOFTMAX_BACKWARD: case LOG_SOFTMAX_BACKWARD:
      return run_function(c, c->operation == SOFTMAX_BACKWARD ? XENT_FUNCTION_SOFTMAX_BACKWARD
                                                              : XENT_FUNCTION_LOG_SOFTMAX_BACKWARD,
                          begin, end, ARRAYS(a->logits, c->upstream, c->y, a->class_mask));
    case BACKWARD:
      return run_function(c, XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, begin, end,
                          ARRAYS(a->logits, a->targets, c->upstream, c->y, a->target_weights, a->class_mask,
                                 a->class_weights, a->row_weights, NULL, a->statistics));
    case BINARY:
      return run_function(c, XENT_FUNCTION_BINARY_CROSS_ENTROPY, begin, end,
                          ARRAYS(a->logits, a->targets, NULL, c->y, a->row_weights, a->class_weights, p->exact_sum));
    case COPY: memcpy(c->y, a->logits, (size_t)(p->rows * p->classes) * sizeof(float)); return XENT_OK;
    case READ: {
      const uint64_t *words = (const uint64_t *)a->targets;
      uint64_t sum = 0;
      for (int64_t i = 0; i < p->rows * p->classes / 2; i++) sum += words[i];
      memcpy(p->results, &sum, sizeof sum); /* keeps the sum from being optimized out */
      return XENT_OK;
    }
    default:
      return s->target_count && !a->target_weights
                 ? run_function(c, XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, begin, end,
                                ARRAYS(a->logits, a->targets, p->results, a->gradient))
                 : cross_entropy(c, begin, end);
  }
}

static inline void run_call(const void *of) {
  const call *c = of;
  const int64_t step = c->by_rows ? 1 : c->p->rows;
  const char *name = operation_names[c->operation];
  for (int64_t row = 0; row < c->p->rows; row += step) must(run_rows(c, row, row + step), name);
}

static inline call ready_call(const doors *l, const variant *v, int operation, const problem *p, int32_t isa) {
  const unsigned arrays = v->arrays;
  const int32_t type = v->type ? v->type : XENT_F32;
  const int64_t inner = p->inner;
  const bool rows = arrays & PROBABILITIES, sparse = arrays & SPARSE_4, several = arrays & SELECTED_8;
  call c = {.library = l, .operation = operation, .p = p, .options = v->options,
            .upstream = (const char *)p->n->g[type] + p->offset, .y = (char *)p->n->y + p->offset,
            .shape = dense_shape_of(p->rows / inner, p->classes, inner, rows ? XENT_F32 : XENT_I32)};
  xent_shape *s = &c.shape;
  s->logits = p->lies;
  s->logits.type = type;
  s->output = s->gradient = s->upstream = s->logits;
  s->row_weights = s->sink = s->log_probabilities = s->entropies = layout_of(inner, 0, 1, XENT_F32);
  s->argmax = s->ranks = layout_of(inner, 0, 1, XENT_I32);
  s->class_weights = layout_of(0, 1, 0, XENT_F32);
  s->class_mask = layout_of(0, 1, 0, XENT_U8);
  if (arrays & ROW_MASK) s->class_mask = xent_per_class(p->classes, inner, XENT_U8);
  s->element_weights = s->logits;
  s->positive_weights = layout_of(0, 1, 0, XENT_F32);
  if (rows) s->targets = s->target_gradient = p->lies;
  if (rows) s->targets.type = s->target_gradient.type = XENT_F32;
  if (operation == BINARY) s->targets = xent_per_class(p->classes, inner, arrays & BYTE_LABELS ? XENT_U8 : XENT_F32);
  if (arrays & UNSIGNED_LABELS) s->targets.type = XENT_U32;
  if (several || sparse) {
    s->target_count = several ? 8 : 4;
    s->targets = layout_of(8 * inner, inner, 1, XENT_I32);
    s->target_weights = layout_of(0, 1, 0, XENT_F32);
    if (several) s->log_probabilities = layout_of(8 * inner, inner, 1, XENT_F32);
  }
  s->top_count = arrays & TOP_8 ? 8 : 0;
  s->top_classes = layout_of(8 * inner, inner, 1, XENT_I32);
  s->upstream = operation == BACKWARD ? s->losses : s->upstream;
  if (operation == BACKWARD) c.upstream = arrays & UPSTREAM ? p->per_row : NULL;
  c.options.size = sizeof c.options;
  c.options.isa = isa;
  c.options.gradient_scale = 1.0 / (double)p->rows;
  c.options.has_ignore_index = (arrays & IGNORED) != 0;
  c.options.ignore_index = c.options.has_ignore_index ? IGNORE_INDEX : 0;
  char *results = p->results;
  const size_t room = (size_t)p->rows * ROOM;
#define OUTPUT(array, number) (arrays & (array) ? results + (number) * room : NULL)
  c.arrays = (cross_entropy_arrays){
      .logits = (const char *)p->n->x[type] + p->offset,
      .targets = rows ? (const char *)p->n->probabilities + p->offset : several || sparse ? (void *)p->selected
               : arrays & IGNORED ? p->ignored : p->labels,
      .target_weights = sparse ? p->class_weights : NULL,
      .class_mask = arrays & CLASS_MASK ? p->class_mask : arrays & ROW_MASK ? p->row_mask : NULL,
      .class_weights = arrays & CLASS_WEIGHTS ? p->class_weights : NULL,
      .row_weights = arrays & ROW_WEIGHTS ? p->per_row : NULL,
      .sink = arrays & SINK ? p->per_row : NULL,
      .log_sum_exp = OUTPUT(LOG_SUM_EXP, 0),
      .losses = OUTPUT(LOSSES, 1),
      .log_probabilities = OUTPUT(LOG_PROBABILITY, 2),
      .correct = OUTPUT(CORRECT, 3),
      .argmax = OUTPUT(ARGMAX, 4),
      .ranks = OUTPUT(RANKS, 5),
      .entropies = OUTPUT(ENTROPY, 6),
      .top_classes = OUTPUT(TOP_8, 7),
      .gradient = operation == LOSS_AND_GRADIENT ? c.y : NULL,
      .target_gradient = arrays & TARGET_GRADIENT ? (char *)p->n->g[XENT_F32] + p->offset : NULL,
      .statistics = operation == BACKWARD || arrays & STATISTICS ? p->statistics : NULL,
      .exact_sum = arrays & EXACT_SUM ? p->exact_sum : NULL};
#undef OUTPUT
  if (operation == BINARY) {
    c.arrays.targets = arrays & BYTE_LABELS ? (const void *)p->row_mask : p->n->probabilities;
    c.arrays.row_weights = arrays & ELEMENT_WEIGHTS ? p->n->g[type] : NULL;
    c.arrays.class_weights = arrays & POSITIVE_WEIGHTS ? p->class_weights : NULL;
  }
  return c;
}

/* The same numbers in another element type. */
static inline void *converted(const float *x, int64_t count, int32_t type) {
  double *of_double = must_allocate((size_t)count * (type == XENT_F64 ? sizeof(double) : sizeof(uint16_t)));
  uint16_t *of_half = (uint16_t *)of_double;
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000, exponent = bits >> 23 & 0xff;
    if (type == XENT_F64) of_double[i] = x[i];
    else if (type == XENT_BF16) of_half[i] = (uint16_t)(bits >> 16);
    else of_half[i] = (uint16_t)(exponent < 113 ? sign : sign | (exponent - 112) << 10 | (bits >> 13 & 0x3ff));
  }
  return of_double;
}

static inline numbers make_numbers(int64_t count, random_source *r) {
  numbers n = {.y = must_allocate((size_t)count * sizeof(double)),
               .probabilities = must_allocate((size_t)count * sizeof(float))};
  float *x = n.x[XENT_F32] = must_allocate((size_t)count * sizeof(float));
  float *g = n.g[XENT_F32] = must_allocate((size_t)count * sizeof(float));
  fill_row(x, count, 0, r);
  fill_row(g, count, 0, r);
  for (int32_t type = XENT_F64; type <= XENT_BF16; type++) {
    n.x[type] = converted(x, count, type);
    n.g[type] = converted(g, count, type);
  }
  for (int64_t i = 0; i < count; i++) n.probabilities[i] = (float)random_unit(r);
  memset(n.y, 0, (size_t)count * sizeof(double));
  return n;
}

static inline void free_numbers(numbers n) {
  for (int32_t type = XENT_F32; type <= XENT_BF16; type++) {
    free(n.x[type]);
    free(n.g[type]);
  }
  free(n.y);
  free(n.probabilities);
}

static inline problem make_problem(int64_t rows, int64_t classes, int64_t inner, const numbers *n, random_source *r) {
  problem p = {.rows = rows, .classes = classes, .inner = inner, .lies = xent_per_class(classes, inner, XENT_F32),
               .n = n, .class_mask = must_allocate((size_t)classes),
               .row_mask = must_allocate((size_t)(rows * classes)),
               .class_weights = must_allocate((size_t)(classes + 8) * sizeof(float)),
               .per_row = must_allocate((size_t)rows * sizeof(float)),
               .labels = must_allocate((size_t)rows * sizeof(int32_t)),
               .ignored = must_allocate((size_t)rows * sizeof(int32_t)),
               .selected = must_allocate((size_t)rows * 8 * sizeof(int32_t)),
               .results = must_allocate((size_t)rows * ROOM * 8),
               .statistics = must_allocate((size_t)rows * sizeof(xent_statistics)),
               .exact_sum = must_allocate(sizeof(xent_exact_sum))};
  *p.exact_sum = xent_empty_exact_sum();
  for (int64_t i = 0; i < classes + 8; i++) p.class_weights[i] = (float)(0.5 + random_unit(r));
  for (int64_t i = 0; i < classes; i++) p.class_mask[i] = i % 10 != 9;
  for (int64_t i = 0; i < rows * classes; i++) p.row_mask[i] = p.class_mask[i / inner % classes];
  for (int64_t i = 0; i < rows; i++) {
    p.per_row[i] = (float)(0.5 + random_unit(r));
    p.labels[i] = (int32_t)random_below(r, classes);
    if (p.labels[i] % 10 == 9) p.labels[i]--; /* not masked */
    p.ignored[i] = i % 10 == 9 ? IGNORE_INDEX : p.labels[i];
  }
  for (int64_t i = 0; i < rows * 8; i++) p.selected[i] = (int32_t)random_below(r, classes);
  return p;
}

static inline void free_problem(problem p) {
  void *const all[] = {p.class_weights, p.per_row, p.class_mask, p.row_mask,   p.labels,
                       p.ignored,       p.selected, p.results,   p.statistics, p.exact_sum};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

#endif
