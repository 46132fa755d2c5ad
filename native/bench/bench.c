/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What options and types cost: every case beside the plain call of the same operation and shape, and the plain calls
 * beside memcpy of the logits' bytes. Both take turns in one process: the ratio counts.
 * `bench --help` says what can be chosen.
 */
#define _POSIX_C_SOURCE 200809L
#include "timing.h"

#include "calls.h"
#include "rows.h"
#include "tiers.h"

#if defined(BENCH_FREE_ORDER)
int bench_free_order(int rounds);
#else
static int bench_free_order(int rounds) {
  (void)rounds;
  fprintf(stderr, "no vector tier here\n");
  return 2;
}
#endif

enum {
  SOFTMAX, LOG_SOFTMAX, SOFTMAX_BACKWARD, LOG_SOFTMAX_BACKWARD, LOSS, LOSS_AND_GRADIENT, BACKWARD, BINARY, COPY, READ
};
static const char *const operation_names[] = {"softmax", "log-softmax", "softmax backward", "log-softmax backward",
                                              "cross-entropy", "loss and gradient", "gradient from statistics",
                                              "binary loss, gradient"};

/* Arrays that a plain call does not have. */
enum {
  CLASS_WEIGHTS = 1 << 0,
  ROW_WEIGHTS = 1 << 1,
  SINK = 1 << 2,
  CLASS_MASK = 1 << 3,
  ROW_MASK = 1 << 4, /* a mask of its own for each row */
  PROBABILITIES = 1 << 5,
  LOG_SUM_EXP = 1 << 6,
  LOSSES = 1 << 7,
  LOG_PROBABILITY = 1 << 8,
  HITS = 1 << 9,
  ARGMAX = 1 << 10,
  RANKS = 1 << 11,
  TOP_8 = 1 << 12,
  ENTROPY = 1 << 13,
  STATISTICS = 1 << 14,
  BYTE_LABELS = 1 << 15,
  ELEMENT_WEIGHTS = 1 << 16,
  POSITIVE_WEIGHTS = 1 << 17,
  UNSIGNED_LABELS = 1 << 18,
  SELECTED_8 = 1 << 19, /* in place of the label: log-probabilities of eight classes */
  ALL = CLASS_WEIGHTS | ROW_WEIGHTS | SINK | LOG_SUM_EXP | LOSSES | LOG_PROBABILITY | HITS | ARGMAX | ENTROPY |
        STATISTICS
};

typedef struct {
  int operation;
  const char *name;
  double limit; /* of the time over the plain call's; 0: this is the plain call, beside memcpy */
  unsigned arrays;
  int32_t type;         /* of logits and outputs; 0: XENT_F32 */
  xent_options options; /* what differs from the default */
  double few;           /* the limit below 300 classes, where it is another */
  bool beside_rows;     /* not beside the plain call, but beside the same case in a call per row */
  int32_t plain_type;   /* of the plain call; 0: XENT_F32 */
} bench_case;

/* A call is in no case slower than its rows one by one; 5 % are for what two equal times differ by. */
#define ROW_BY_ROW .limit = 1.05, .beside_rows = true

/* Options of float64 arithmetic, beside its plain call. */
#define WIDE .type = XENT_F64, .plain_type = XENT_F64

static const bench_case cases[] = {
    {LOSS_AND_GRADIENT, "plain", .limit = 0},
    {LOSS_AND_GRADIENT, "label smoothing", 1.3, .options = {.label_smoothing = 0.1}},
    {LOSS_AND_GRADIENT, "label smoothing, others", 1.3,
     .options = {.label_smoothing = 0.1, .smoothing = XENT_SMOOTHING_OTHERS}},
    {LOSS_AND_GRADIENT, "class weights", 1.3, .arrays = CLASS_WEIGHTS},
    {LOSS_AND_GRADIENT, "row weights", 1.3, .arrays = ROW_WEIGHTS},
    {LOSS_AND_GRADIENT, "z-loss", 1.3, .options = {.z_loss = 1e-4}},
    {LOSS_AND_GRADIENT, "sink", 1.3, .arrays = SINK},
    {LOSS_AND_GRADIENT, "log-sum-exp", 1.3, .arrays = LOG_SUM_EXP},
    {LOSS_AND_GRADIENT, "losses", 1.3, .arrays = LOSSES},
    {LOSS_AND_GRADIENT, "log-probability", 1.3, .arrays = LOG_PROBABILITY},
    {LOSS_AND_GRADIENT, "hits", 1.3, .arrays = HITS},
    {LOSS_AND_GRADIENT, "argmax", 1.3, .arrays = ARGMAX},
    {LOSS_AND_GRADIENT, "entropy", 1.3, .arrays = ENTROPY},
    {LOSS_AND_GRADIENT, "statistics", 1.3, .arrays = STATISTICS},
    {LOSS_AND_GRADIENT, "all of these", 1.6, .arrays = ALL,
     .options = {.label_smoothing = 0.1, .z_loss = 1e-4}},
    {LOSS_AND_GRADIENT, "ranks", 2, .arrays = RANKS},
    {LOSS_AND_GRADIENT, "top 8", 2, .arrays = TOP_8},
    {LOSS_AND_GRADIENT, "temperature", 1.3, .few = 1.5, .options = {.temperature = 0.7}},
    {LOSS_AND_GRADIENT, "softcap", 2, .options = {.softcap = 30}},
    {LOSS_AND_GRADIENT, "labels without a sign", 1.1, .arrays = UNSIGNED_LABELS},
    {LOSS_AND_GRADIENT, "8 selected classes", 3, .few = 20, .arrays = SELECTED_8},
    {LOSS_AND_GRADIENT, "mask per class", 1.3, .arrays = CLASS_MASK},
    {LOSS_AND_GRADIENT, "mask per class and row", 1.5, .arrays = ROW_MASK},
    {LOSS_AND_GRADIENT, "probability rows", 1.3, .arrays = PROBABILITIES},
    {LOSS_AND_GRADIENT, "float16", 1.3, .type = XENT_F16},
    {LOSS_AND_GRADIENT, "bfloat16", 1.3, .type = XENT_BF16},
    {LOSS_AND_GRADIENT, "bfloat16, smoothing", 1.3, .type = XENT_BF16, .options = {.label_smoothing = 0.1}},
    {LOSS_AND_GRADIENT, "float64", 4, .type = XENT_F64},
    {LOSS_AND_GRADIENT, "float64, smoothing", 1.3, WIDE, .options = {.label_smoothing = 0.1}},
    {LOSS_AND_GRADIENT, "float64, others", 1.3, WIDE,
     .options = {.label_smoothing = 0.1, .smoothing = XENT_SMOOTHING_OTHERS}},
    {LOSS_AND_GRADIENT, "float64, class weights", 1.3, WIDE, .arrays = CLASS_WEIGHTS},
    {LOSS_AND_GRADIENT, "float64, row weights", 1.3, WIDE, .arrays = ROW_WEIGHTS},
    {LOSS_AND_GRADIENT, "float64, z-loss", 1.3, WIDE, .options = {.z_loss = 1e-4}},
    {LOSS_AND_GRADIENT, "float64, sink", 1.3, WIDE, .arrays = SINK},
    {LOSS_AND_GRADIENT, "float64, argmax", 1.3, WIDE, .arrays = ARGMAX},
    {LOSS_AND_GRADIENT, "float64, entropy", 1.3, WIDE, .arrays = ENTROPY},
    {LOSS_AND_GRADIENT, "float64, all of these", 1.6, WIDE, .arrays = ALL,
     .options = {.label_smoothing = 0.1, .z_loss = 1e-4}},
    {LOSS_AND_GRADIENT, "float64, ranks", 2, WIDE, .arrays = RANKS},
    {LOSS_AND_GRADIENT, "float64, top 8", 2, WIDE, .arrays = TOP_8},
    {LOSS_AND_GRADIENT, "float64, temperature", 1.3, WIDE, .options = {.temperature = 0.7}},
    {LOSS_AND_GRADIENT, "float64, softcap", 2, WIDE, .options = {.softcap = 30}},
    {LOSS_AND_GRADIENT, "float64, class mask", 1.3, WIDE, .arrays = CLASS_MASK},
    {LOSS_AND_GRADIENT, "float64, row mask", 1.5, WIDE, .arrays = ROW_MASK},
    {LOSS_AND_GRADIENT, "float64, probabilities", 1.3, WIDE, .arrays = PROBABILITIES},
    {LOSS_AND_GRADIENT, "focal", 2, .options = {.focal_gamma = 2}},
    {LOSS_AND_GRADIENT, "float64, focal", 1.3, WIDE, .options = {.focal_gamma = 2}},
    {LOSS_AND_GRADIENT, "batch, plain", ROW_BY_ROW},
    {LOSS_AND_GRADIENT, "batch, smoothing", ROW_BY_ROW, .options = {.label_smoothing = 0.1}},
    {LOSS_AND_GRADIENT, "batch, bfloat16", ROW_BY_ROW, .type = XENT_BF16},
    {LOSS, "plain", .limit = 0},
    {LOSS, "label smoothing", 1.3, .options = {.label_smoothing = 0.1}},
    {LOSS, "8 selected classes", 3, .few = 20, .arrays = SELECTED_8},
    {BACKWARD, "plain", .limit = 0},
    {BACKWARD, "label smoothing", 1.3, .options = {.label_smoothing = 0.1}},
    {BACKWARD, "bfloat16", 1.3, .type = XENT_BF16},
    {BACKWARD, "float64", 4, .type = XENT_F64},
    {SOFTMAX, "plain", .limit = 0},
    {SOFTMAX, "temperature", 1.3, .few = 1.5, .options = {.temperature = 0.7}},
    {SOFTMAX, "softcap", 2, .options = {.softcap = 30}},
    {SOFTMAX, "mask per class", 1.3, .arrays = CLASS_MASK},
    {SOFTMAX, "mask per class and row", 1.5, .arrays = ROW_MASK},
    {SOFTMAX, "sink", 1.3, .arrays = SINK},
    {SOFTMAX, "float16", 1.3, .type = XENT_F16},
    {SOFTMAX, "bfloat16", 1.3, .type = XENT_BF16},
    {SOFTMAX, "float64", 4, .type = XENT_F64},
    {SOFTMAX, "float64, temperature", 1.3, WIDE, .options = {.temperature = 0.7}},
    {SOFTMAX, "float64, sink", 1.3, WIDE, .arrays = SINK},
    {SOFTMAX, "float64, row mask", 1.5, WIDE, .arrays = ROW_MASK},
    {SOFTMAX, "batch, temperature", ROW_BY_ROW, .options = {.temperature = 0.7}},
    {LOG_SOFTMAX, "plain", .limit = 0},
    {LOG_SOFTMAX, "temperature", 1.3, .few = 1.5, .options = {.temperature = 0.7}},
    {LOG_SOFTMAX, "float64", 4, .type = XENT_F64},
    {SOFTMAX_BACKWARD, "plain", .limit = 0},
    {SOFTMAX_BACKWARD, "temperature", 1.3, .few = 1.5, .options = {.temperature = 0.7}},
    {SOFTMAX_BACKWARD, "bfloat16", 1.3, .type = XENT_BF16},
    {SOFTMAX_BACKWARD, "float64", 4, .type = XENT_F64},
    {LOG_SOFTMAX_BACKWARD, "plain", .limit = 0},
    {LOG_SOFTMAX_BACKWARD, "float64", 4, .type = XENT_F64},
    {BINARY, "plain", .limit = 0},
    {BINARY, "labels of bytes", 1.3, .arrays = BYTE_LABELS},
    {BINARY, "weights", 1.3, .arrays = ELEMENT_WEIGHTS},
    {BINARY, "weights of positives", 1.3, .arrays = POSITIVE_WEIGHTS},
    {BINARY, "bfloat16", 1.3, .type = XENT_BF16},
    {BINARY, "focal alpha", 1.3, .options = {.focal_alpha = 0.25}},
    {BINARY, "focal", 8, .options = {.focal_gamma = 2}},
    {BINARY, "float64", 6, .type = XENT_F64},
    {BINARY, "float64, focal", 2, WIDE, .options = {.focal_gamma = 2}},
};

/* Everything that a call may read and write, of one shape. */
typedef struct {
  int64_t rows, classes, inner;
  void *x[XENT_BF16 + 1], *g[XENT_BF16 + 1]; /* by element type */
  void *y;
  float *probabilities, *class_weights, *per_row; /* per_row: row weights and sinks */
  uint8_t *class_mask, *row_mask;
  int32_t *labels, *selected; /* eight classes of each row */
  void *results; /* outputs per row */
  xent_statistics *statistics;
  xent_tally *tally;
} problem;

/* A call that is ready to be made, once or row by row. */
typedef struct {
  int operation;
  bool by_rows;
  const problem *p;
  xent_shape shape;
  xent_options options;
  cross_entropy_arrays arrays;
  const void *upstream;
} call;

/* The form of the call for bindings: a struct takes as long. */
static xent_status cross_entropy(const call *c, int64_t begin, int64_t end) {
  const cross_entropy_arrays *a = &c->arrays;
  return xent_cross_entropy_at(&c->shape, &c->options, begin, end, a->logits, a->targets, NULL, NULL, a->class_mask,
                               a->class_weights, a->row_weights, a->sink, a->losses, a->log_sum_exp, a->hits,
                               a->log_probabilities, a->argmax, a->ranks, a->entropies, a->top_classes,
                               a->top_log_probabilities, a->gradient, NULL, a->statistics, a->tally, NULL);
}

static xent_status selected(const call *c, int64_t begin, int64_t end) {
  const cross_entropy_arrays *a = &c->arrays;
  return xent_selected_log_probabilities_at(&c->shape, &c->options, begin, end, a->logits, a->targets, NULL, NULL,
                                            NULL, NULL, c->p->results, a->gradient, NULL, NULL);
}

static xent_status run_rows(const call *c, int64_t begin, int64_t end) {
  const problem *p = c->p;
  const xent_shape *s = &c->shape;
  const xent_options *o = &c->options;
  const cross_entropy_arrays *a = &c->arrays;
  const int64_t n = p->classes;
  switch (c->operation) {
    case SOFTMAX:
      return xent_softmax_at(s, o, begin, end, 0, n, a->logits, NULL, a->class_mask, a->sink, NULL, p->y, NULL);
    case LOG_SOFTMAX:
      return xent_log_softmax_at(s, o, begin, end, 0, n, a->logits, NULL, a->class_mask, a->sink, NULL, p->y,
                                      NULL);
    case SOFTMAX_BACKWARD:
      return xent_softmax_backward_at(s, o, begin, end, 0, n, a->logits, c->upstream, NULL, NULL, NULL, p->y, NULL);
    case LOG_SOFTMAX_BACKWARD:
      return xent_log_softmax_backward_at(s, o, begin, end, 0, n, a->logits, c->upstream, NULL, NULL, NULL, p->y, NULL);
    case BACKWARD:
      return xent_cross_entropy_backward_at(s, o, begin, end, 0, n, a->logits, a->targets, NULL, NULL, a->class_mask,
                                         a->class_weights, a->row_weights, p->statistics, NULL, p->y, NULL);
    case BINARY:
      return xent_binary_cross_entropy_at(s, o, begin, end, a->logits, a->targets, a->row_weights, a->class_weights,
                                          NULL, p->y, p->tally, NULL);
    case COPY: memcpy(p->y, a->logits, (size_t)(p->rows * n) * sizeof(float)); return XENT_OK;
    case READ: {
      const uint64_t *words = (const uint64_t *)a->targets;
      uint64_t sum = 0;
      for (int64_t i = 0; i < p->rows * n / 2; i++) sum += words[i];
      memcpy(p->results, &sum, sizeof sum); /* so that it is computed */
      return XENT_OK;
    }
    default: return s->target_count ? selected(c, begin, end) : cross_entropy(c, begin, end);
  }
}

static void run_call(const void *of) {
  const call *c = of;
  const int64_t step = c->by_rows ? 1 : c->p->rows;
  for (int64_t row = 0; row < c->p->rows; row += step) must(run_rows(c, row, row + step), "call");
}

/* Two calls one after the other: the plain one, and a read of what else the case has to read. */
static void run_both(const void *of) {
  const call *c = of;
  run_call(&c[0]);
  run_call(&c[1]);
}

static call ready_call(const bench_case *k, int operation, const problem *p, int32_t isa) {
  const int32_t type = k->type ? k->type : XENT_F32;
  const int64_t inner = p->inner;
  const bool rows = k->arrays & PROBABILITIES;
  call c = {.operation = operation, .p = p, .options = k->options, .upstream = p->g[type],
            .shape = dense_shape_of(p->rows / inner, p->classes, inner, rows ? XENT_F32 : XENT_I32)};
  xent_shape *s = &c.shape;
  s->logits.type = s->output.type = s->gradient.type = s->upstream.type = type;
  s->row_weights = s->sink = s->log_probabilities = s->entropies = layout_of(inner, 0, 1, XENT_F32);
  s->argmax = s->ranks = layout_of(inner, 0, 1, XENT_I32);
  s->class_weights = layout_of(0, 1, 0, XENT_F32);
  s->class_mask = layout_of(0, 1, 0, XENT_U8);
  if (k->arrays & ROW_MASK) s->class_mask = layout_of(p->classes * inner, inner, 1, XENT_U8);
  s->element_weights = s->logits;
  s->positive_weights = layout_of(0, 1, 0, XENT_F32);
  if (operation == BINARY) s->targets = xent_per_class(p->classes, inner, k->arrays & BYTE_LABELS ? XENT_U8 : XENT_F32);
  if (k->arrays & UNSIGNED_LABELS) s->targets.type = XENT_U32;
  if (k->arrays & SELECTED_8) {
    s->target_count = 8;
    s->targets = layout_of(8 * inner, inner, 1, XENT_I32);
    s->log_probabilities = layout_of(8 * inner, inner, 1, XENT_F32);
  }
  s->top_count = k->arrays & TOP_8 ? 8 : 0;
  s->top_classes = layout_of(8 * inner, inner, 1, XENT_I32);
  c.options.size = sizeof c.options;
  c.options.isa = isa;
  c.options.has_gradient_scale = 1;
  c.options.gradient_scale = 1.0 / (double)p->rows;
  char *results = p->results;
  const size_t room = (size_t)p->rows * 64;
#define OUTPUT(array, number) (k->arrays & (array) ? results + (number) * room : NULL)
  c.arrays = (cross_entropy_arrays){
      .logits = p->x[type],
      .targets = rows ? (void *)p->probabilities : k->arrays & SELECTED_8 ? p->selected : p->labels,
      .class_mask = k->arrays & CLASS_MASK ? p->class_mask : k->arrays & ROW_MASK ? p->row_mask : NULL,
      .class_weights = k->arrays & CLASS_WEIGHTS ? p->class_weights : NULL,
      .row_weights = k->arrays & ROW_WEIGHTS ? p->per_row : NULL,
      .sink = k->arrays & SINK ? p->per_row : NULL,
      .log_sum_exp = OUTPUT(LOG_SUM_EXP, 0),
      .losses = OUTPUT(LOSSES, 1),
      .log_probabilities = OUTPUT(LOG_PROBABILITY, 2),
      .hits = OUTPUT(HITS, 3),
      .argmax = OUTPUT(ARGMAX, 4),
      .ranks = OUTPUT(RANKS, 5),
      .entropies = OUTPUT(ENTROPY, 6),
      .top_classes = OUTPUT(TOP_8, 7),
      .gradient = operation == LOSS_AND_GRADIENT ? p->y : NULL,
      .statistics = operation == BACKWARD || k->arrays & STATISTICS ? p->statistics : NULL,
      .tally = p->tally};
#undef OUTPUT
  if (operation == BINARY) {
    c.arrays.targets = k->arrays & BYTE_LABELS ? (const void *)p->row_mask : p->probabilities;
    c.arrays.row_weights = k->arrays & ELEMENT_WEIGHTS ? p->g[type] : NULL;
    c.arrays.class_weights = k->arrays & POSITIVE_WEIGHTS ? p->class_weights : NULL;
  }
  return c;
}

/* The case beside what it is measured against. */
static pair_times measure(const bench_case *k, const problem *p, int32_t isa, int rounds) {
  const bench_case plain = {.operation = k->operation, .type = k->plain_type};
  const call it = ready_call(k, k->operation, p, isa);
  call against[2] = {ready_call(&plain, k->operation, p, isa), ready_call(k, READ, p, isa)};
  if (k->beside_rows) {
    against[0] = it;
    against[0].by_rows = true;
  } else if (k->limit == 0) {
    against[0].operation = COPY;
  }
  *p->tally = xent_empty_tally();
  if (k->operation == BACKWARD) { /* both from the statistics of their own forward */
    static xent_statistics *own;
    static problem beside;
    free(own);
    beside = *p;
    beside.statistics = own = must_allocate((size_t)p->rows * sizeof *own);
    must(cross_entropy(&it, 0, p->rows), "forward");
    against[0].p = &beside;
    against[0].arrays.statistics = own;
    must(cross_entropy(&against[0], 0, p->rows), "forward");
  }
  return take_turns((timed){run_call, &it}, (timed){k->arrays & PROBABILITIES ? run_both : run_call, against}, rounds);
}

/* The same numbers in another element type. */
static void *converted(const float *x, int64_t count, int32_t type) {
  double *of_double = must_allocate((size_t)count * sizeof(double));
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

static problem make_problem(int64_t rows, int64_t classes, int64_t inner) {
  const size_t count = (size_t)(rows * classes);
  problem p = {.rows = rows, .classes = classes, .inner = inner, .y = must_allocate(count * sizeof(double)),
               .probabilities = must_allocate(count * sizeof(float)),
               .class_mask = must_allocate((size_t)classes), .row_mask = must_allocate(count),
               .class_weights = must_allocate((size_t)classes * sizeof(float)),
               .per_row = must_allocate((size_t)rows * sizeof(float)),
               .labels = must_allocate((size_t)rows * sizeof(int32_t)),
               .selected = must_allocate((size_t)rows * 8 * sizeof(int32_t)),
               .results = must_allocate((size_t)rows * 64 * 8),
               .statistics = must_allocate((size_t)rows * sizeof(xent_statistics)),
               .tally = must_allocate(sizeof(xent_tally))};
  float *x = p.x[XENT_F32] = must_allocate(count * sizeof(float));
  float *g = p.g[XENT_F32] = must_allocate(count * sizeof(float));
  random_source r = {1};
  fill_row(x, (int64_t)count, 0, &r);
  fill_row(g, (int64_t)count, 0, &r);
  for (int32_t type = XENT_F64; type <= XENT_BF16; type++) {
    p.x[type] = converted(x, (int64_t)count, type);
    p.g[type] = converted(g, (int64_t)count, type);
  }
  for (int64_t i = 0; i < classes; i++) {
    p.class_weights[i] = (float)(0.5 + random_unit(&r));
    p.class_mask[i] = i % 10 != 9;
  }
  for (int64_t i = 0; i < rows * classes; i++) p.row_mask[i] = p.class_mask[i / inner % classes];
  for (int64_t i = 0; i < rows; i++) {
    p.per_row[i] = (float)(0.5 + random_unit(&r));
    p.labels[i] = (int32_t)random_below(&r, classes);
    if (p.labels[i] % 10 == 9) p.labels[i]--; /* not masked */
  }
  for (int64_t i = 0; i < rows * 8; i++) p.selected[i] = (int32_t)random_below(&r, classes);
  const xent_shape shape = dense_shape_of(rows / inner, classes, inner, XENT_I32);
  const xent_options options = xent_default_options();
  must(xent_softmax_at(&shape, &options, 0, rows, 0, classes, g, NULL, NULL, NULL, NULL, p.probabilities, NULL),
       "probabilities");
  memset(p.y, 0, count * sizeof(double));
  return p;
}

static void free_problem(problem p) {
  for (int32_t type = XENT_F32; type <= XENT_BF16; type++) {
    free(p.x[type]);
    free(p.g[type]);
  }
  void *const others[] = {p.y,      p.probabilities, p.class_weights, p.per_row,    p.class_mask, p.row_mask,
                          p.labels, p.selected,      p.results,       p.statistics, p.tally};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) free(others[i]);
}

typedef struct {
  const char *cases, *tiers;
  int64_t classes[16];
  int counts, rounds;
  int64_t rows, inner;
} choice;

static bool is_wanted(const bench_case *k, const choice *chosen, int64_t classes) {
  char name[128];
  snprintf(name, sizeof name, "%s: %s", operation_names[k->operation], k->name);
  return strstr(name, chosen->cases) && !(k->arrays & TOP_8 && classes < 8);
}

static int bench(int64_t classes, int32_t isa, const choice *chosen) {
  const int64_t inner = chosen->inner;
  const int64_t outer = chosen->rows ? chosen->rows : classes <= 1000 ? 64 : classes <= 32000 ? 16 : 8;
  const int64_t rows = outer * inner;
  const problem p = make_problem(rows, classes, inner);
  int missed = 0;
  printf("\n%s, %lld x %lld x %lld\n%-25s%-24s%11s%9s%9s%7s\n", xent_isa_name(isa), (long long)outer,
         (long long)classes, (long long)inner, "operation", "case", "ns/element", "ratio", "minima", "limit");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const bench_case *k = &cases[i];
    if (!is_wanted(k, chosen, classes)) continue;
    const pair_times t = measure(k, &p, isa, chosen->rounds);
    const double limit = classes < 300 && k->few > 0 ? k->few : k->limit;
    printf("%-25s%-24s%11.4f%9.3f%9.3f", operation_names[k->operation], k->name,
           t.first * 1e9 / (double)(rows * classes), t.median, t.minima);
    if (limit > 0) printf("%7.2f %s\n", limit, t.median <= limit ? "met" : "MISSED");
    else printf("        of memcpy's time\n");
    missed += limit > 0 && t.median > limit;
    fflush(stdout);
  }
  free_problem(p);
  return missed;
}

static int usage(void) {
  fprintf(stderr,
          "usage: bench [--tiers avx512,avx2] [--classes 10,100] [--cases TEXT] [--rows N] [--inner N]\n"
          "             [--rounds N]\n"
          "       bench --free-order [--rounds N]\n"
          "  --tiers       instruction sets; the best alone unless said\n"
          "  --classes     class counts; 10,100,300,1000,32000,128256 unless said\n"
          "  --cases       those whose `operation: case` has this text in it: plain, softmax: temp\n"
          "  --rows        so many; 64, 16 of more than 1000 classes, 8 of more than 32000 unless said\n"
          "  --inner       columns: so many times as many rows, classes so far apart; 1 unless said\n"
          "  --rounds      turns of each pair, 1 to %d; 21 unless said\n"
          "  --free-order  what the fixed order of sums costs, on rows longer than a chunk\n",
          BENCH_MAX_ROUNDS);
  return 2;
}

static int list_classes(const char *text, choice *chosen) {
  chosen->counts = 0;
  while (*text && chosen->counts < 16) {
    char *end;
    const int64_t classes = strtoll(text, &end, 10);
    if (classes < 1 || (*end && *end != ',')) return 0;
    chosen->classes[chosen->counts++] = classes;
    text = *end ? end + 1 : end;
  }
  return chosen->counts;
}

int main(int argc, char **argv) {
  choice chosen = {"", xent_isa_name(xent_best_isa()), {10, 100, 300, 1000, 32000, 128256}, 6, 21, 0, 1};
  bool free_order = false;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--free-order")) {
      free_order = true;
      continue;
    }
    const char *value = ++i < argc ? argv[i] : NULL;
    if (!value) return usage();
    if (!strcmp(argv[i - 1], "--tiers")) chosen.tiers = value;
    else if (!strcmp(argv[i - 1], "--cases")) chosen.cases = value;
    else if (!strcmp(argv[i - 1], "--rows")) chosen.rows = strtoll(value, NULL, 10);
    else if (!strcmp(argv[i - 1], "--inner")) chosen.inner = strtoll(value, NULL, 10);
    else if (!strcmp(argv[i - 1], "--rounds")) chosen.rounds = (int)strtol(value, NULL, 10);
    else if (strcmp(argv[i - 1], "--classes") || !list_classes(value, &chosen)) return usage();
  }
  if (chosen.rounds < 1 || chosen.rounds > BENCH_MAX_ROUNDS || chosen.rows < 0 || chosen.inner < 1) return usage();
  if (free_order) return bench_free_order(chosen.rounds);
  int missed = 0;
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (int i = 0; strstr(chosen.tiers, xent_isa_name(isa)) && i < chosen.counts; i++)
      missed += bench(chosen.classes[i], isa, &chosen);
  printf("\n%d limits missed\n", missed);
  return 0;
}
