/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that another thread changes during a call: for any contents of row offsets, labels, sparse classes and masks
 * after the checks, no byte outside of the arrays is touched. The kernels run calls that no check would accept, and
 * whole calls run while a thread changes what they read.
 */
#include "guarded.h"

#include <pthread.h>
#include <stdatomic.h>

#include "arrays.h"
#include "cpu/isa.h"
#include "tiers.h"

enum { ROWS = 5, CLASSES = 1000, ELEMENTS = 4000, ENTRIES = 3, TOP = 3 };
enum { LOGITS, TARGETS, TARGET_WEIGHTS, OFFSETS, MASK, WEIGHTS, ROW_WEIGHTS, LOSSES, LSE, ARGMAX, RANKS, ENTROPIES,
       TOP_CLASSES, TOP_VALUES, GRADIENT, TARGET_GRADIENT, OUTPUT, ARRAYS };
enum { LABELS, DENSE, SPARSE, KINDS };

static guarded pages[ARRAYS];
static array arrays[ARRAYS];
static random_source source = {5};

static const int64_t lawful[][ROWS + 1] = {{0, 1000, 2000, 2900, 3000, 4000}, {0, 0, 100, 1100, 2100, 3000}};

/* `rows` times `entries` numbers, with the entries of a row contiguous; entries 0: ragged rows. */
static void make(int which, int64_t rows, int64_t entries, int32_t type, bool at_end) {
  const int64_t count = entries ? rows * entries : ELEMENTS;
  array *a = &arrays[which];
  a->layout = (xent_layout){.outer = entries, .classes = 1, .inner = 1, .type = type};
  a->bytes = (size_t)count * size_of_type(type);
  a->data = place(&pages[which], a->bytes, at_end);
  for (int64_t i = 0; i < count; i++) set_number(a, i, 1);
}

static void make_all(int kind, int32_t type, bool at_end) {
  for (int i = LOSSES; i < ARRAYS; i++) make(i, ROWS, 1, type, at_end);
  for (int i = ARGMAX; i <= RANKS; i++) make(i, ROWS, 1, XENT_I64, at_end);
  make(TOP_CLASSES, ROWS, TOP, XENT_I32, at_end);
  make(TOP_VALUES, ROWS, TOP, type, at_end);
  make(GRADIENT, ROWS, 0, type, at_end);
  make(OUTPUT, ROWS, 0, type, at_end);
  make(TARGET_GRADIENT, ROWS, kind == SPARSE ? ENTRIES : 0, type, at_end);
  make(LOGITS, ROWS, 0, type, at_end);
  make(TARGETS, ROWS, kind == SPARSE ? ENTRIES : kind == LABELS, kind == DENSE ? type : XENT_I32, at_end);
  make(TARGET_WEIGHTS, ROWS, ENTRIES, type, at_end);
  make(OFFSETS, ROWS + 1, 1, XENT_I64, at_end);
  make(MASK, ROWS, 0, XENT_U8, at_end);
  make(WEIGHTS, 1, CLASSES, type, at_end);
  make(ROW_WEIGHTS, ROWS, 1, type, at_end);
}

static xent_shape shape_of(int kind) {
  return (xent_shape){.outer = ROWS,
                      .classes = CLASSES,
                      .inner = 1,
                      .target_count = kind == SPARSE ? ENTRIES : 0,
                      .top_count = TOP,
                      .logits = arrays[LOGITS].layout,
                      .output = arrays[OUTPUT].layout,
                      .gradient = arrays[GRADIENT].layout,
                      .upstream = arrays[LOGITS].layout,
                      .targets = arrays[TARGETS].layout,
                      .losses = arrays[LOSSES].layout,
                      .log_sum_exp = arrays[LSE].layout,
                      .target_weights = arrays[TARGET_WEIGHTS].layout,
                      .row_offsets = {.type = XENT_I64},
                      .class_mask = arrays[MASK].layout,
                      .class_weights = arrays[WEIGHTS].layout,
                      .row_weights = arrays[ROW_WEIGHTS].layout,
                      .argmax = arrays[ARGMAX].layout,
                      .ranks = arrays[RANKS].layout,
                      .entropies = arrays[ENTROPIES].layout,
                      .top_classes = arrays[TOP_CLASSES].layout,
                      .top_log_probabilities = arrays[TOP_VALUES].layout,
                      .target_gradient = arrays[TARGET_GRADIENT].layout};
}

/* For sampling, which has no ragged rows: the number of rows that the elements allow. */
static xent_shape sampled_shape(int kind) {
  xent_shape s = shape_of(kind);
  s.outer = ELEMENTS / CLASSES;
  s.logits = (xent_layout){CLASSES, 1, 1, s.logits.type, 0};
  s.class_mask = (xent_layout){CLASSES, 1, 1, XENT_U8, 0};
  s.target_count = kind == SPARSE ? ENTRIES : 0; /* of those that have a bias */
  s.bias_tokens = arrays[TARGETS].layout;
  s.bias_values = arrays[TARGET_WEIGHTS].layout;
  s.targets = s.tokens = arrays[ARGMAX].layout;
  s.output_count = kind == SPARSE ? ENTRIES : 1;
  s.draft_tokens = arrays[RANKS].layout;
  s.draft_probabilities = (xent_layout){CLASSES, 1, 1, arrays[OUTPUT].layout.type, 0};
  s.output_tokens = arrays[TARGETS].layout;
  return s;
}

static void check_all(const char *what) {
  for (int i = 0; i < ARRAYS; i++) check_rest(&pages[i], what, CLASSES);
}

/* ---- calls that no check would accept ---- */

static int64_t wild(void) {
  static const int64_t numbers[] = {0, 1, -1, 500, CLASSES, CLASSES + 1, ELEMENTS, ELEMENTS + 1, -ELEMENTS, 100000,
                                    INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
  return numbers[random_below(&source, sizeof numbers / sizeof *numbers)];
}

static void scramble(int kind) {
  int64_t *offsets = (int64_t *)(void *)arrays[OFFSETS].data;
  int32_t *targets = (int32_t *)(void *)arrays[TARGETS].data;
  for (int i = 0; i <= ROWS; i++) offsets[i] = wild();
  for (int i = 0; kind != DENSE && i < ROWS * (kind == SPARSE ? ENTRIES : 1); i++)
    targets[i] = random_below(&source, 4) ? 0 : (int32_t)wild();
  for (int64_t i = 0; i < ELEMENTS; i++) arrays[MASK].data[i] = i % 7 != 0;
}

static xent_call checked_call(const xent_shape *s, const xent_options *o, int kind, xent_statistics *statistics,
                              xent_report *report) {
  return (xent_call){.shape = s, .options = o, .row_end = ROWS, .class_end = CLASSES, .ragged_end = ELEMENTS,
                     .logits = (const float *)(const void *)arrays[LOGITS].data, .targets = arrays[TARGETS].data,
                     .target_weights = kind == SPARSE ? arrays[TARGET_WEIGHTS].data : NULL,
                     .row_offsets = arrays[OFFSETS].data, .class_weights = arrays[WEIGHTS].data,
                     .row_weights = arrays[ROW_WEIGHTS].data, .report = report, .statistics = statistics,
                     .class_mask = random_below(&source, 2) ? arrays[MASK].data : NULL,
                     .wide = s->logits.type == XENT_F64};
}

static void run_kernels(int kind, const xent_kernels *kernels) {
  const xent_shape s = shape_of(kind);
  const xent_family *family = s.logits.type == XENT_F64 ? kernels->f64 : kernels->f32;
  xent_options o = xent_default_options();
  o.label_smoothing = (double)random_below(&source, 2) * 0.1;
  o.softcap = (double)random_below(&source, 2) * 20;
  xent_report report = {.size = sizeof report};
  static xent_statistics statistics[ROWS];
  xent_call c = checked_call(&s, &o, kind, statistics, &report);
  float *gradient = (float *)(void *)arrays[GRADIENT].data;
  c.output_layout = &s.gradient;
  c.output = gradient;
  c.losses = (float *)(void *)arrays[LOSSES].data;
  c.argmax = arrays[ARGMAX].data;
  c.ranks = kind == LABELS ? arrays[RANKS].data : NULL;
  c.entropies = arrays[ENTROPIES].data;
  c.top_classes = arrays[TOP_CLASSES].data;
  c.top_log_probabilities = arrays[TOP_VALUES].data;
  c.target_gradient = kind == LABELS ? NULL : arrays[TARGET_GRADIENT].data;
  family->cross_entropy_forward(&c);
  check_all("cross-entropy");
  xent_call backward = checked_call(&s, &o, kind, NULL, &report);
  backward.known_statistics = statistics;
  backward.output_layout = &s.gradient;
  backward.output = gradient;
  scramble(kind);
  family->cross_entropy_backward(&backward);
  check_all("its backward");
  xent_call softmax = checked_call(&s, &o, kind, NULL, &report);
  softmax.targets = NULL;
  softmax.row_weights = NULL;
  softmax.output_layout = &s.output;
  softmax.output = (float *)(void *)arrays[OUTPUT].data;
  softmax.log = random_below(&source, 2);
  family->softmax_forward(&softmax);
  check_all("softmax");
  xent_call back = softmax;
  back.forward_output = softmax.output;
  back.upstream = softmax.logits;
  back.output = gradient;
  back.output_layout = &s.gradient;
  scramble(kind);
  family->softmax_backward(&back);
  check_all("softmax backward");
  softmax.output = NULL;
  softmax.log_sum_exp = (float *)(void *)arrays[LSE].data;
  family->log_sum_exp(&softmax);
  check_all("log-sum-exp");
}

/* Earlier tokens, and selected classes, that are out of range. */
static void run_selection_kernels(int kind, const xent_kernels *kernels) {
  if (kind == DENSE) return;
  enum { SAMPLED = ELEMENTS / CLASSES };
  xent_shape s = shape_of(kind);
  xent_options o = xent_default_options();
  xent_report report = {.size = sizeof report};
  s.log_probabilities = arrays[kind == SPARSE ? TARGET_GRADIENT : LSE].layout;
  xent_call selected = checked_call(&s, &o, kind, NULL, &report);
  selected.row_weights = NULL;
  selected.class_weights = selected.target_weights = NULL;
  selected.log_probabilities = (void *)arrays[kind == SPARSE ? TARGET_GRADIENT : LSE].data;
  selected.output = (float *)(void *)arrays[GRADIENT].data;
  selected.output_layout = &s.gradient;
  kernels->selected(&selected);
  check_all("selected log-probabilities");
  if (s.logits.type == XENT_F64) return;
  static uint64_t workspace[512];
  if (xent_sample_workspace(CLASSES, 2 * ENTRIES) > sizeof workspace) exit(2);
  const xent_sampling sampling = {.size = sizeof sampling, .top_k = 50, .top_p = 0.9, .repetition_penalty = 1.25,
                                  .frequency_penalty = 0.5};
  s = sampled_shape(kind);
  o.has_ignore_index = 1;
  o.ignore_index = -1;
  xent_call sample = {.shape = &s, .options = &o, .row_end = SAMPLED, .class_end = CLASSES,
                      .logits = (const float *)(const void *)arrays[LOGITS].data, .class_mask = arrays[MASK].data,
                      .output_tokens = arrays[TARGETS].data,
                      .bias_tokens = kind == SPARSE ? arrays[TARGETS].data : NULL,
                      .bias_values = kind == SPARSE ? arrays[TARGET_WEIGHTS].data : NULL, .tokens = arrays[ARGMAX].data,
                      .draft_tokens = kind == LABELS ? arrays[RANKS].data : NULL,
                      .draft_probabilities = kind == LABELS ? arrays[OUTPUT].data : NULL,
                      .targets = arrays[ARGMAX].data, .entropies = arrays[ENTROPIES].data,
                      .top_classes = arrays[TOP_CLASSES].data, .top_log_probabilities = arrays[TOP_VALUES].data,
                      .sampling = &sampling, .workspace = workspace, .report = &report};
  kernels->sample(&sample);
  check_all("sampling");
}

static void check_plain(const char *what, int64_t n) {
  static const int used[] = {LOGITS, GRADIENT, LOSSES, TARGETS, MASK};
  for (int i = 0; i < 5; i++) check_rest(&pages[used[i]], what, n);
}

static void scramble_labels(int32_t *labels, int64_t rows) {
  for (int64_t i = 0; i < rows; i++) labels[i] = random_below(&source, 8) ? 0 : (int32_t)wild();
}

/* The kernels of plain calls: rows one by one, in blocks, in columns and in parts, with invalid labels. */
static void run_plain(const xent_family *plain, int64_t outer, int64_t n, int64_t inner, bool at_end) {
  const int64_t rows = outer * inner;
  const xent_shape s = dense_shape_of(outer, n, inner, XENT_I32);
  xent_options o = xent_default_options();
  o.label_smoothing = (double)random_below(&source, 2) * 0.1;
  o.ignore_index = -100;
  o.has_ignore_index = 1;
  static xent_statistics statistics[64];
  static xent_state states[64];
  xent_report report = {.size = sizeof report};
  float *x = place(&pages[LOGITS], (size_t)(rows * n) * sizeof *x, at_end);
  float *dx = place(&pages[GRADIENT], (size_t)(rows * n) * sizeof *dx, at_end);
  float *losses = place(&pages[LOSSES], (size_t)rows * sizeof *losses, at_end);
  int32_t *labels = place(&pages[TARGETS], (size_t)rows * sizeof *labels, at_end);
  uint8_t *correct = place(&pages[MASK], (size_t)rows, at_end);
  for (int64_t i = 0; i < rows * n; i++) x[i] = (float)(i % 7);
  scramble_labels(labels, rows);
  const xent_call c = {
      .shape = &s, .options = &o, .row_end = rows, .class_end = n, .logits = x, .targets = labels, .report = &report};
  xent_call forward = c;
  forward.losses = losses;
  forward.correct = correct;
  forward.statistics = statistics;
  forward.output = dx;
  forward.output_layout = &s.gradient;
  plain->cross_entropy_forward(&forward);
  check_plain("plain cross-entropy", n);
  xent_call parts = c;
  parts.states = states;
  plain->forward_states(&parts);
  parts.known_states = states;
  parts.statistics = statistics;
  parts.losses = losses;
  parts.correct = correct;
  scramble_labels(labels, rows);
  plain->finish(&parts);
  check_plain("plain states", n);
  forward.output = NULL;
  for (int64_t i = 0; i < rows; i++) labels[i] = 0;
  plain->cross_entropy_forward(&forward);
  scramble_labels(labels, rows);
  xent_call backward = c;
  backward.known_statistics = statistics;
  backward.output = dx;
  backward.output_layout = &s.gradient;
  plain->cross_entropy_backward(&backward);
  check_plain("plain backward", n);
}

static int64_t run_every_plain(const xent_kernels *kernels, bool at_end) {
  static const int64_t shapes[][3] = {{1, 5, 1},   {48, 2, 1},  {40, 7, 1}, {33, 16, 1},
                                      {20, 40, 1}, {5, 300, 1}, {2, 9, 20}, {1, 30, 33}};
  enum { TIMES = 12, SHAPES = sizeof shapes / sizeof *shapes };
  for (int i = 0; i < TIMES; i++)
    for (int k = 0; k < SHAPES; k++) run_plain(kernels->f32, shapes[k][0], shapes[k][1], shapes[k][2], at_end);
  return 5 * TIMES * SHAPES;
}

/* ---- memory that changes while it is read ---- */

static int kind_of_changes;
/* Atomic, as the load of a volatile bool is moved out of loops by GCC 12 with UndefinedBehaviorSanitizer. */
static atomic_bool stop;

static void *change(void *unused) {
  volatile int64_t *offsets = (volatile int64_t *)(void *)arrays[OFFSETS].data;
  volatile int32_t *targets = (volatile int32_t *)(void *)arrays[TARGETS].data;
  volatile uint8_t *mask = arrays[MASK].data;
  for (int64_t k = 0; !stop; k++) {
    for (int i = 0; i <= ROWS; i++) offsets[i] = lawful[k % 2][i];
    if (kind_of_changes != DENSE) targets[k % ROWS] = k % 3 ? 0 : (int32_t)(k % (CLASSES + 1));
    mask[k % ELEMENTS] = k & 1;
  }
  return unused;
}

/* The number of calls that were not rejected. */
static int64_t run_selection_calls(int kind, const cross_entropy_arrays *a) {
  if (kind == DENSE) return 0;
  xent_shape s = shape_of(kind);
  const xent_options o = xent_default_options();
  array *log_probabilities = &arrays[kind == SPARSE ? TARGET_GRADIENT : LSE];
  s.log_probabilities = log_probabilities->layout;
  int64_t done = !run_at(
      on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, &s, &o, 0, ROWS, NULL),
      ARRAYS(a->logits, a->targets, log_probabilities->data, a->gradient, NULL, a->class_mask, NULL, a->row_offsets));
  static uint64_t workspace[512];
  const xent_sampling sampling = {.size = sizeof sampling, .top_k = 50, .repetition_penalty = 1.25};
  s = sampled_shape(kind);
  const bool biased = kind == SPARSE;
  return done +
         !run_at((function_call){.function = XENT_FUNCTION_SAMPLE,
                             .shape = &s,
                             .options = &o,
                             .sampling = &sampling,
                             .row_begin = 0,
                             .row_end = s.outer,
                             .workspace_size = sizeof workspace},
                 ARRAYS(a->logits, arrays[ARGMAX].data, a->class_mask, NULL, NULL, a->targets, NULL, NULL, NULL, NULL,
                        NULL, arrays[ENTROPIES].data, arrays[TOP_CLASSES].data, arrays[TOP_VALUES].data, workspace,
                        biased ? a->targets : NULL, biased ? a->target_weights : NULL));
}

static int64_t run_while_changing(int kind, int calls) {
  pthread_t thread;
  kind_of_changes = kind;
  stop = false;
  for (int i = 0; i <= ROWS; i++) ((int64_t *)(void *)arrays[OFFSETS].data)[i] = lawful[0][i];
  if (pthread_create(&thread, NULL, change, NULL)) exit(2);
  const xent_shape s = shape_of(kind);
  const xent_options o = xent_default_options();
  static xent_statistics statistics[ROWS];
  int64_t done = 0;
  for (int i = 0; i < calls; i++) {
    const cross_entropy_arrays a = {
        .logits = arrays[LOGITS].data, .targets = arrays[TARGETS].data,
        .target_weights = kind == SPARSE ? arrays[TARGET_WEIGHTS].data : NULL, .row_offsets = arrays[OFFSETS].data,
        .class_mask = i % 2 ? arrays[MASK].data : NULL, .class_weights = arrays[WEIGHTS].data,
        .row_weights = arrays[ROW_WEIGHTS].data, .losses = arrays[LOSSES].data, .argmax = arrays[ARGMAX].data,
        .entropies = arrays[ENTROPIES].data, .top_classes = arrays[TOP_CLASSES].data, .gradient = arrays[GRADIENT].data,
        .target_gradient = kind == LABELS ? NULL : arrays[TARGET_GRADIENT].data, .statistics = statistics};
    done += !cross_entropy_of(&s, &o, 0, ROWS, &a, NULL);
    done += !run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, ROWS, 0, CLASSES, NULL),
                    ARRAYS(a.logits, arrays[OUTPUT].data, a.class_mask, NULL, a.row_offsets));
    done += !run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX_BACKWARD, &s, &o, 0, ROWS, 0, CLASSES, NULL),
                    ARRAYS(arrays[OUTPUT].data, a.logits, arrays[GRADIENT].data, a.class_mask, a.row_offsets));
    done += run_selection_calls(kind, &a);
  }
  stop = true;
  pthread_join(thread, NULL);
  check_all("calls on memory that changes");
  return done;
}

/* ---- logits that change while tokens are sampled from them ---- */

enum { CHANGING = 9000 };

/* One class jumps; or most come and go, but some of each block stay. */
static void *change_a_logit(void *logits) {
  static const float values[] = {0, 9, 0, 1e6f};
  volatile float *x = logits;
  for (uint32_t k = 0; !stop; k++) {
    x[0] = values[k % 4];
    for (volatile int i = 0; i < 200; i++) continue;
  }
  return NULL;
}
static void sample_while_changing(const xent_kernels *kernels, int calls) {
  const int classes = CHANGING;
  float *x = place(&pages[LOGITS], (size_t)classes * sizeof *x, true);
  int64_t *token = place(&pages[ARGMAX], sizeof *token, true);
  for (int i = 0; i < classes; i++) x[i] = (float)(i % 7) * -0.1f;
  const xent_options o = xent_default_options();
  xent_sampling sampling = {.size = sizeof sampling, .top_p = 0.9};
  xent_report report = {.size = sizeof report};
  const xent_shape s = {.outer = 1, .classes = classes, .inner = 1,
                        .logits = {classes, 1, 1, XENT_F32, 0}, .tokens = {1, 1, 1, XENT_I64, 0}};
  const xent_call call = {.shape = &s, .options = &o, .row_end = 1, .class_end = classes, .logits = x, .tokens = token,
                          .sampling = &sampling, .report = &report};
  pthread_t thread;
  stop = false;
  if (pthread_create(&thread, NULL, change_a_logit, x)) exit(2);
  for (int i = 0; i < calls; i++, sampling.seed++) kernels->sample(&call);
  stop = true;
  pthread_join(thread, NULL);
  check_all("sampling from logits that change");
}

int main(void) {
  static const int32_t types[] = {XENT_F32, XENT_BF16, XENT_F64};
  for (int i = 0; i < ARRAYS; i++) pages[i] = guard();
  int64_t calls = 0, done = 0;
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (int at_end = 0; at_end < 2; at_end++) calls += run_every_plain(xent_kernels_of(isa), at_end);
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (int at_end = 0; at_end < 2; at_end++)
      for (int kind = 0; kind < KINDS; kind++)
        for (int t = 0; t < 3; t++) {
          make_all(kind, types[t], at_end);
          for (int i = 0; i < 20; i++, calls += kind == DENSE ? 5 : types[t] == XENT_F64 ? 6 : 7) {
            scramble(kind);
            run_kernels(kind, xent_kernels_of(isa));
            scramble(kind);
            run_selection_kernels(kind, xent_kernels_of(isa));
          }
        }
  for (int at_end = 0; at_end < 2; at_end++)
    for (int kind = 0; kind < KINDS; kind++)
      for (int t = 0; t < 3; t++) {
        make_all(kind, types[t], at_end);
        done += run_while_changing(kind, 60);
      }
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa), calls += 4000)
    sample_while_changing(xent_kernels_of(isa), 4000);
  if (done == 0) {
    fprintf(stderr, "every call was refused: nothing was tested\n");
    return 1;
  }
  printf(
      "%lld kernels over offsets and targets that break the rules, %lld calls while they changed: nothing outside was "
      "touched\n",
      (long long)calls, (long long)done);
  return 0;
}
