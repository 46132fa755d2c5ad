/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Concurrent use: threads that start with the library's first call; rows of one call divided over threads, with
 * adjacent outputs, down to adjacent bytes; chunks of long rows whose states several threads compute, that one folds
 * and several write from; an exact sum per thread. Everything has the bits of one thread's call. Built with
 * ThreadSanitizer (XENT_SANITIZE=thread) it shows that no call touches memory of another's range. Usage:
 * threads_test [N]   N rounds, at least 1; 2 by default
 */
#define _DEFAULT_SOURCE
#include <pthread.h>

#include "arrays.h"
#include "tiers.h"

enum { THREADS = 8, TOP = 3 };
enum {
  LOGITS,
  TEACHER,
  UPSTREAM,
  LABELS,
  INPUTS,
  SOFTMAX = INPUTS,
  LOG_SOFTMAX,
  LSE,
  BACKWARD,
  LOG_BACKWARD,
  LOSSES,
  CORRECT,
  LOG_PROBABILITIES,
  ARGMAX,
  RANKS,
  ENTROPIES,
  TOP_CLASSES,
  TOP_VALUES,
  GRADIENT,
  LATER_GRADIENT,
  DIVERGENCES,
  PULL,
  TOKENS,
  KEPT,
  PROCESSED,
  SELECTED,
  SELECTED_GRADIENT,
  BINARY,
  BINARY_GRADIENT,
  SHANNON,
  SHANNON_GRADIENT,
  VARIATION,
  VARIATION_GRADIENT,
  PRODUCT,
  ARRAYS
};

typedef struct {
  int64_t outer, classes, inner;
  int32_t type;
} sizes;

/* Short rows, blocks, columns, long rows; in every arithmetic. */
static const sizes problems[] = {{67, 3, 1, XENT_F32},    {130, 10, 1, XENT_F32},  {41, 300, 1, XENT_F32},
                                 {19, 1000, 1, XENT_F32}, {2, 9, 37, XENT_F32},    {3, 200, 21, XENT_F32},
                                 {9, 9000, 1, XENT_F32},  {130, 10, 1, XENT_BF16}, {41, 300, 1, XENT_F16},
                                 {2, 9, 37, XENT_F16},    {9, 9000, 1, XENT_BF16}, {41, 30, 1, XENT_F64},
                                 {2, 9, 37, XENT_F64},    {9, 9000, 1, XENT_F64}};
enum { PROBLEMS = sizeof problems / sizeof *problems };

typedef struct {
  xent_shape shape;
  xent_options options;
  array arrays[ARRAYS];
  xent_statistics *statistics;
  xent_exact_sum exact_sum[THREADS];
  int64_t counted[THREADS];
} work;

static random_source source = {2026};
static int64_t calls, compared;

static int64_t rows_of(const xent_shape *s) { return s->outer * s->inner; }

static int32_t type_of(int index, int32_t type) {
  if (index == LABELS || index == ARGMAX || index == TOP_CLASSES || index == TOKENS) return XENT_I64;
  if (index == PRODUCT && type != XENT_F64) return XENT_F32;
  return index == RANKS || index == KEPT ? XENT_I32 : index == CORRECT ? XENT_U8 : type;
}
static bool is_per_class(int index) {
  return index <= UPSTREAM || index == SOFTMAX || index == LOG_SOFTMAX || index == BACKWARD || index == LOG_BACKWARD ||
         index == GRADIENT || index == LATER_GRADIENT || index == PULL || index == SELECTED_GRADIENT ||
         index == BINARY || index == BINARY_GRADIENT || index == SHANNON_GRADIENT || index == VARIATION_GRADIENT ||
         index == PRODUCT;
}

static void allocate(work *w, const sizes *s, int32_t isa, work *shared) {
  for (int i = 0; i < ARRAYS; i++) {
    const int64_t entries = is_per_class(i) ? s->classes : i == TOP_CLASSES || i == TOP_VALUES ? TOP : 1;
    const xent_layout layout = {entries * s->inner, s->inner, 1, type_of(i, s->type), 0};
    w->arrays[i] = i < INPUTS && shared ? shared->arrays[i] : new_array(entries * s->outer * s->inner, layout);
  }
  const array *a = w->arrays;
  w->shape = (xent_shape){.outer = s->outer,
                          .classes = s->classes,
                          .inner = s->inner,
                          .top_count = TOP,
                          .logits = a[LOGITS].layout,
                          .output = a[SOFTMAX].layout,
                          .gradient = a[GRADIENT].layout,
                          .upstream = a[UPSTREAM].layout,
                          .targets = a[LABELS].layout,
                          .losses = a[LOSSES].layout,
                          .log_sum_exp = a[LSE].layout,
                          .correct = a[CORRECT].layout,
                          .log_probabilities = a[LOG_PROBABILITIES].layout,
                          .argmax = a[ARGMAX].layout,
                          .ranks = a[RANKS].layout,
                          .entropies = a[ENTROPIES].layout,
                          .top_classes = a[TOP_CLASSES].layout,
                          .top_log_probabilities = a[TOP_VALUES].layout,
                          .teacher = a[TEACHER].layout,
                          .output_count = 1,
                          .output_tokens = a[LABELS].layout,
                          .tokens = a[TOKENS].layout,
                          .kept = a[KEPT].layout,
                          .processed_log_probabilities = a[PROCESSED].layout};
  w->options = xent_default_options();
  w->options.isa = isa;
  w->statistics = must_allocate((size_t)(s->outer * s->inner) * sizeof *w->statistics);
}

static void fill_inputs(work *w, const sizes *s) {
  const int64_t rows = s->outer * s->inner;
  for (int i = LOGITS; i <= UPSTREAM; i++)
    for (int64_t k = 0; k < rows * s->classes; k++) set_number(&w->arrays[i], k, 3 * (double)random_normal(&source));
  for (int64_t row = 0; row < rows; row++)
    set_number(&w->arrays[LABELS], row, (double)random_below(&source, s->classes));
  if (s->classes > XENT_CHUNK) set_number(&w->arrays[LOGITS], 0, 30000); /* a row with a second round */
}

static void free_work(work *w, bool inputs) {
  for (int i = inputs ? 0 : INPUTS; i < ARRAYS; i++) free_array(&w->arrays[i]);
  free(w->statistics);
}

static void sample_rows(work *w, int64_t begin, int64_t end) {
  const array *a = w->arrays;
  uint64_t workspace[1024];
  const uint64_t size = xent_sample_workspace(w->shape.classes, 1);
  const xent_sampling sampling = {.size = sizeof sampling, .top_k = 20, .top_p = 0.9, .min_p = 0.01,
                                  .temperature = 0.8, .repetition_penalty = 1.2, .presence_penalty = 0.5, .seed = 7};
  if (size > sizeof workspace) exit(2);
  must(run_at((function_call){.function = XENT_FUNCTION_SAMPLE,
                          .shape = &w->shape,
                          .options = &w->options,
                          .sampling = &sampling,
                          .row_begin = begin,
                          .row_end = end,
                          .workspace_size = size},
              ARRAYS(a[LOGITS].data, a[TOKENS].data, NULL, NULL, NULL, a[LABELS].data, a[PROCESSED].data, a[KEPT].data,
                     NULL, NULL, NULL, NULL, NULL, NULL, workspace)),
       "sampling");
  __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
}

/* Every function, on a range of rows. */
static void run_rows(work *w, int64_t begin, int64_t end, int part) {
  const xent_shape *s = &w->shape;
  const xent_options *o = &w->options;
  const array *a = w->arrays;
  const int64_t n = s->classes;
  const void *x = a[LOGITS].data;
  xent_report report = {.size = sizeof report};
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, s, o, begin, end, 0, n, &report), ARRAYS(x, a[SOFTMAX].data)),
       "softmax");
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, s, o, begin, end, 0, n, &report), ARRAYS(x, a[LOG_SOFTMAX].data)),
       "log-softmax");
  must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, s, o, begin, end, &report), ARRAYS(x, a[LSE].data)), "log-sum-exp");
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, s, o, begin, end, 0, n, &report),
              ARRAYS(a[SOFTMAX].data, a[UPSTREAM].data, a[BACKWARD].data)),
       "softmax backward");
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX_BACKWARD, s, o, begin, end, 0, n, &report),
              ARRAYS(a[LOG_SOFTMAX].data, a[UPSTREAM].data, a[LOG_BACKWARD].data)),
       "log-softmax backward");
  must(run_at(on_rows(XENT_FUNCTION_CHECK_TARGETS, s, o, begin, end, &report), ARRAYS(a[LABELS].data)),
       "check of labels");
  w->counted[part] = report.valid_rows;
  const cross_entropy_arrays all = {.logits = x,
                                    .targets = a[LABELS].data,
                                    .correct = a[CORRECT].data,
                                    .log_probabilities = a[LOG_PROBABILITIES].data,
                                    .argmax = a[ARGMAX].data,
                                    .ranks = a[RANKS].data,
                                    .entropies = a[ENTROPIES].data,
                                    .top_classes = a[TOP_CLASSES].data,
                                    .top_log_probabilities = a[TOP_VALUES].data,
                                    .gradient = a[PULL].data};
  xent_options focal = *o;
  focal.focal_gamma = 1.5;
  must(cross_entropy_of(s, &focal, begin, end, &all, &report), "all of a focal cross-entropy");
  must(cross_entropy_of(s, o, begin, end, &(cross_entropy_arrays){.logits = x, .targets = a[LABELS].data,
                        .losses = a[LOSSES].data, .gradient = a[GRADIENT].data, .statistics = w->statistics,
                        .exact_sum = &w->exact_sum[part]}, &report), "cross-entropy");
  must(run_at(on_rows(XENT_FUNCTION_KL_DIVERGENCE, s, o, begin, end, &report),
              ARRAYS(x, a[TEACHER].data, a[DIVERGENCES].data)),
       "divergence");
  must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, s, o, begin, end, 0, n, &report),
              ARRAYS(x, a[LABELS].data, NULL, a[LATER_GRADIENT].data, NULL, NULL, NULL, NULL, NULL, w->statistics)),
       "gradient from statistics");
  must(run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, s, o, begin, end, &report),
              ARRAYS(x, a[LABELS].data, a[SELECTED].data, a[SELECTED_GRADIENT].data)),
       "selected log-probabilities");
  must(run_at(on_rows(XENT_FUNCTION_JENSEN_SHANNON_DIVERGENCE, s, o, begin, end, &report),
              ARRAYS(x, a[TEACHER].data, a[SHANNON].data, a[SHANNON_GRADIENT].data)),
       "Jensen-Shannon divergence");
  must(run_at(on_rows(XENT_FUNCTION_TOTAL_VARIATION, s, o, begin, end, &report),
              ARRAYS(x, a[TEACHER].data, a[VARIATION].data, a[VARIATION_GRADIENT].data)),
       "total variation");
  xent_shape elements = *s;
  elements.targets = a[TEACHER].layout;
  elements.losses = a[BINARY].layout;
  must(run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, &elements, o, begin, end, &report),
              ARRAYS(x, a[TEACHER].data, a[BINARY].data, a[BINARY_GRADIENT].data)),
       "binary cross-entropy");
  xent_shape products = *s;
  products.output = a[PRODUCT].layout;
  must(run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY_HVP, &products, o, begin, end, &report),
              ARRAYS(x, a[UPSTREAM].data, a[PRODUCT].data)),
       "Hessian-vector product");
  if (s->logits.type != XENT_F64) sample_rows(w, begin, end);
  __atomic_fetch_add(&calls, 15, __ATOMIC_RELAXED);
}

/* ---- threads ---- */

typedef struct {
  void (*run)(void *with, int thread);
  void *with;
  int thread;
  pthread_barrier_t *start;
} thread_job;

static void *run_job(void *p) {
  const thread_job *job = p;
  pthread_barrier_wait(job->start);
  job->run(job->with, job->thread);
  return NULL;
}

/* All at once. */
static void on_all_threads(void (*run)(void *with, int thread), void *with) {
  pthread_t threads[THREADS];
  thread_job jobs[THREADS];
  pthread_barrier_t start;
  if (pthread_barrier_init(&start, NULL, THREADS)) exit(2);
  for (int i = 0; i < THREADS; i++) {
    jobs[i] = (thread_job){run, with, i, &start};
    if (pthread_create(&threads[i], NULL, run_job, &jobs[i])) exit(2);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&start);
}

static void same(const void *got, const void *expected, size_t bytes, const char *what, const work *w) {
  compared += (int64_t)bytes;
  if (!memcmp(got, expected, bytes)) return;
  fprintf(stderr, "%s of %lld x %lld x %lld, type %d, %s: other bits than those of one thread\n", what,
          (long long)w->shape.outer, (long long)w->shape.classes, (long long)w->shape.inner, w->shape.logits.type,
          xent_isa_name(w->options.isa));
  exit(1);
}

/* ---- the first call of a process ---- */

enum { FIRST = 200 };
static float first_input[FIRST], first_outputs[THREADS][FIRST];

static void first_call(void *unused, int thread) {
  (void)unused;
  const xent_shape s = dense_shape_of(1, FIRST, 1, XENT_I64);
  const xent_options o = xent_default_options();
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, 1, 0, FIRST, NULL),
              ARRAYS(first_input, first_outputs[thread])),
       "the first call");
}

static void race_to_the_first_call(void) {
  for (int i = 0; i < FIRST; i++) first_input[i] = (float)(i % 17) - 5;
  on_all_threads(first_call, NULL);
  work w = {.shape = {.outer = 1, .classes = FIRST, .inner = 1, .logits = {.type = XENT_F32}}};
  for (int i = 1; i < THREADS; i++)
    same(first_outputs[i], first_outputs[0], sizeof first_outputs[0], "the first call", &w);
}

/* ---- rows over threads ---- */

static void run_part(void *with, int thread) {
  work *w = with;
  const int64_t rows = rows_of(&w->shape);
  run_rows(w, rows * thread / THREADS, rows * (thread + 1) / THREADS, thread);
}

static void test_rows(const sizes *s, int32_t isa) {
  work one, many;
  allocate(&one, s, isa, NULL);
  allocate(&many, s, isa, &one);
  fill_inputs(&one, s);
  for (int i = 0; i < THREADS; i++) one.exact_sum[i] = many.exact_sum[i] = xent_empty_exact_sum();
  run_rows(&one, 0, s->outer * s->inner, 0);
  on_all_threads(run_part, &many);
  for (int i = INPUTS; i < ARRAYS; i++)
    same(many.arrays[i].data, one.arrays[i].data, one.arrays[i].bytes, "an output", &one);
  same(many.statistics, one.statistics, (size_t)(s->outer * s->inner) * sizeof *one.statistics, "statistics", &one);
  int64_t counted = 0;
  for (int i = 0; i < THREADS; i++) counted += many.counted[i];
  for (int i = 1; i < THREADS; i++) must(xent_exact_sum_merge(&many.exact_sum[0], &many.exact_sum[THREADS - i]),
                                         "merge");
  same(&many.exact_sum[0], &one.exact_sum[0], sizeof one.exact_sum[0], "an exact sum", &one);
  same(&counted, &one.counted[0], sizeof counted, "a count", &one);
  free_work(&many, false);
  free_work(&one, true);
}

/* ---- chunks of rows over threads ---- */

typedef struct {
  work *w;
  xent_state *states;
  const xent_statistics *known;
} chunk_work;

static void states_of_chunks(void *with, int thread) {
  const chunk_work *c = with;
  const xent_shape *s = &c->w->shape;
  for (int64_t i = thread; i < xent_chunks(s->classes); i += THREADS) {
    const int64_t begin = i * XENT_CHUNK, end = s->classes - begin < XENT_CHUNK ? s->classes : begin + XENT_CHUNK;
    must(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, s, &c->w->options, 0, rows_of(s), begin, end, NULL),
                ARRAYS(c->w->arrays[LOGITS].data, c->w->arrays[LABELS].data, NULL, NULL, NULL, c->known, c->states)),
         "states");
  }
}

static void gradient_of_chunks(void *with, int thread) {
  const chunk_work *c = with;
  const xent_shape *s = &c->w->shape;
  for (int64_t i = thread; i < xent_chunks(s->classes); i += THREADS) {
    const int64_t begin = i * XENT_CHUNK, end = s->classes - begin < XENT_CHUNK ? s->classes : begin + XENT_CHUNK;
    must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, s, &c->w->options, 0, rows_of(s), begin, end, NULL),
                ARRAYS(c->w->arrays[LOGITS].data, c->w->arrays[LABELS].data, NULL, c->w->arrays[GRADIENT].data, NULL,
                       NULL, NULL, NULL, NULL, c->known)),
         "gradient of a class range");
  }
}

static void test_chunks(int32_t type, int32_t isa) {
  const sizes s = {2, 11 * XENT_CHUNK + 77, 1, type};
  const int64_t chunks = xent_chunks(s.classes);
  work one, many;
  allocate(&one, &s, isa, NULL);
  allocate(&many, &s, isa, &one);
  fill_inputs(&one, &s);
  one.exact_sum[0] = xent_empty_exact_sum();
  must(cross_entropy_of(&one.shape, &one.options, 0, s.outer, &(cross_entropy_arrays){
                        .logits = one.arrays[LOGITS].data, .targets = one.arrays[LABELS].data,
                        .losses = one.arrays[LOSSES].data, .gradient = one.arrays[GRADIENT].data,
                        .statistics = one.statistics}, NULL), "one thread");
  chunk_work c = {.w = &many, .states = must_allocate((size_t)(s.outer * chunks) * sizeof *c.states)};
  xent_report report = {.size = sizeof report};
  for (int round = 0; round < 2; round++) {
    c.known = round ? many.statistics : NULL;
    on_all_threads(states_of_chunks, &c);
    must(run_at((function_call){.function = XENT_FUNCTION_FINISH,
                            .shape = &many.shape,
                            .options = &many.options,
                            .choice = round,
                            .report = &report,
                            .row_begin = 0,
                            .row_end = s.outer},
                ARRAYS(many.arrays[LABELS].data, many.arrays[LOSSES].data, NULL, NULL, NULL, NULL, NULL, c.states,
                       many.statistics)),
         "finish");
    if (!report.unfinished) break;
  }
  c.known = many.statistics;
  on_all_threads(gradient_of_chunks, &c);
  same(many.arrays[LOSSES].data, one.arrays[LOSSES].data, one.arrays[LOSSES].bytes, "losses of chunks", &one);
  same(many.arrays[GRADIENT].data, one.arrays[GRADIENT].data, one.arrays[GRADIENT].bytes, "the gradient of chunks",
       &one);
  calls += 2 * chunks + 1;
  free(c.states);
  free_work(&many, false);
  free_work(&one, true);
}

int main(int argc, char **argv) {
  const long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 2;
  if (rounds < 1) {
    fprintf(stderr, "usage: threads_test [N], N at least 1\n");
    return 2;
  }
  race_to_the_first_call();
  for (long round = 0; round < rounds; round++)
    for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
      for (int i = 0; i < PROBLEMS; i++) test_rows(&problems[i], isa);
      test_chunks(XENT_F32, isa);
      test_chunks(XENT_BF16, isa);
      test_chunks(XENT_F64, isa);
    }
  printf("%lld calls on %d threads at once, %lld bytes of results compared with one thread's: 0 differ\n",
         (long long)calls, THREADS, (long long)compared);
  return 0;
}
