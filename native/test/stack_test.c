/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much stack a call takes: every function on a thread whose stack is painted, rows and columns of many lengths,
 * with rows of every kind among them, since those that need more are computed on top of the others. xent.h promises
 * a limit, as callers may run on small stacks.
 * Usage: stack_test [left]   left: only that a call looks how much is left
 */
#include "stacks.h"

#include "calls.h"
#include "cpu/stack.h"
#include "rows.h"
#include "tiers.h"

enum { PROMISED = XENT_STACK_PROMISED, MOST_ROWS = 300, MOST_CLASSES = 20000 };

typedef struct {
  xent_shape shape;
  xent_options options;
  int64_t rows, classes;
} problem;

static float *x, *y, *g;
static float losses[MOST_ROWS], lse[MOST_ROWS];
static int32_t labels[MOST_ROWS];
static uint8_t correct[MOST_ROWS];
static xent_statistics statistics[MOST_ROWS];
static xent_state states[MOST_ROWS * 4];
static xent_exact_sum exact_sum;

static void *do_nothing(void *argument) { return argument; }

static void *run_forward(void *argument) {
  const problem *p = argument;
  const xent_shape *s = &p->shape;
  const xent_options *o = &p->options;
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, s, o, 0, p->rows, 0, p->classes, NULL), ARRAYS(x, y)), "softmax");
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX, s, o, 0, p->rows, 0, p->classes, NULL), ARRAYS(x, y)),
       "log-softmax");
  must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, s, o, 0, p->rows, NULL), ARRAYS(x, lse)), "log-sum-exp");
  return NULL;
}

static void *run_backward(void *argument) {
  const problem *p = argument;
  const xent_shape *s = &p->shape;
  const xent_options *o = &p->options;
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, s, o, 0, p->rows, 0, p->classes, NULL), ARRAYS(x, g, y)),
       "softmax backward");
  must(run_at(on_classes(XENT_FUNCTION_LOG_SOFTMAX_BACKWARD, s, o, 0, p->rows, 0, p->classes, NULL), ARRAYS(x, g, y)),
       "log-softmax backward");
  xent_options plain = xent_default_options();
  plain.isa = o->isa;
  must(run_at(on_rows(XENT_FUNCTION_CROSS_ENTROPY_HVP, s, &plain, 0, p->rows, NULL), ARRAYS(x, g, y)), "hvp");
  return NULL;
}

static void *run_cross_entropy(void *argument) {
  const problem *p = argument;
  const xent_shape *s = &p->shape;
  const xent_options *o = &p->options;
  must(cross_entropy_of(s, o, 0, p->rows, &(cross_entropy_arrays){.logits = x, .targets = labels, .losses = losses,
                        .log_sum_exp = lse, .correct = correct, .gradient = y, .statistics = statistics,
                            .exact_sum = &exact_sum},
                        NULL), "loss");
  must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, s, o, 0, p->rows, 0, p->classes, NULL),
              ARRAYS(x, labels, NULL, y, NULL, NULL, NULL, NULL, NULL, statistics)),
       "gradient");
  return NULL;
}

static void *run_probabilities(void *argument) {
  problem p = *(const problem *)argument;
  p.shape.targets = p.shape.logits;
  must(cross_entropy_of(&p.shape, &p.options, 0, p.rows, &(cross_entropy_arrays){.logits = x, .targets = g,
                        .losses = losses, .log_sum_exp = lse, .gradient = y, .statistics = statistics}, NULL),
       "loss of probability rows");
  must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &p.shape, &p.options, 0, p.rows, 0, p.classes, NULL),
              ARRAYS(x, g, NULL, y, NULL, NULL, NULL, NULL, NULL, statistics)),
       "gradient of probability rows");
  return NULL;
}

static void *run_parts(void *argument) {
  const problem *p = argument;
  xent_report report = {.size = sizeof report};
  must(run_at(on_classes(XENT_FUNCTION_FORWARD_STATES, &p->shape, &p->options, 0, p->rows, 0, p->classes, NULL),
              ARRAYS(x, labels, NULL, NULL, NULL, NULL, states)),
       "states");
  must(run_at(on_rows(XENT_FUNCTION_FINISH, &p->shape, &p->options, 0, p->rows, &report),
              ARRAYS(labels, losses, lse, correct, NULL, NULL, NULL, states, statistics, &exact_sum)),
       "finish");
  must(run_at(on_classes(XENT_FUNCTION_BACKWARD_STATES, &p->shape, &p->options, 0, p->rows, 0, p->classes, NULL),
              ARRAYS(x, g, NULL, states)),
       "states");
  must(run_at(on_rows(XENT_FUNCTION_FINISH, &p->shape, &p->options, 0, p->rows, &report),
              ARRAYS(NULL, NULL, NULL, NULL, NULL, NULL, NULL, states, statistics)),
       "finish");
  return NULL;
}

/* The same rows in float64 arithmetic, with everything that asks for buffers. */
static void *run_wide(void *argument) {
  const problem *p = argument;
  xent_shape s = p->shape;
  xent_options o = p->options;
  const int64_t numbers = (int64_t)MOST_ROWS * 1024 / 2; /* as doubles */
  const int64_t rows = p->rows * p->classes <= numbers ? p->rows : numbers / p->classes;
  if (s.inner == 1) s.outer = rows;
  if (s.inner > 1) s.outer = s.inner = 1;
  const int64_t n = s.inner == 1 && rows > 0 ? s.outer : 1;
  s.logits = (xent_layout){p->classes, 1, 1, XENT_F64, 0};
  s.output = s.gradient = s.upstream = s.teacher = s.logits;
  s.target_count = s.top_count = 1;
  s.targets = s.target_weights = s.losses = s.log_sum_exp = s.entropies = s.top_log_probabilities =
      (xent_layout){1, 1, 1, XENT_F32, 0};
  s.targets.type = XENT_I32;
  o.softcap = 30;
  must(cross_entropy_of(&s, &o, 0, n, &(cross_entropy_arrays){.logits = x, .targets = labels, .target_weights = g,
                        .losses = losses, .entropies = lse, .gradient = y, .statistics = statistics,
                        .exact_sum = &exact_sum}, NULL), "sparse rows");
  s.target_count = 0;
  must(cross_entropy_of(&s, &o, 0, n, &(cross_entropy_arrays){.logits = x, .targets = labels, .losses = losses,
                        .gradient = y}, NULL), "labels");
  o.softcap = o.label_smoothing = 0;
  must(run_at(on_rows(XENT_FUNCTION_KL_DIVERGENCE, &s, &o, 0, n, NULL), ARRAYS(x, g, losses, y, NULL, NULL,
      &exact_sum)),
       "divergence");
  must(run_at(on_rows(XENT_FUNCTION_JENSEN_SHANNON_DIVERGENCE, &s, &o, 0, n, NULL),
              ARRAYS(x, g, losses, y, NULL, NULL, &exact_sum)),
       "Jensen-Shannon");
  must(run_at(on_rows(XENT_FUNCTION_TOTAL_VARIATION, &s, &o, 0, n, NULL), ARRAYS(x, g, losses, y, NULL, NULL,
      &exact_sum)),
       "total variation");
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, &s, &o, 0, n, 0, p->classes, NULL), ARRAYS(x, g, y)),
       "softmax backward");
  return NULL;
}

/* Binary cross-entropy, focal and not, through buffers. */
static void *run_elements(void *argument) {
  problem p = *(const problem *)argument;
  xent_shape *s = &p.shape;
  xent_options o = xent_default_options();
  o.isa = p.options.isa;
  s->logits.type = s->gradient.type = XENT_BF16;
  s->targets = s->element_weights = s->positive_weights = s->logits;
  for (int focal = 0; focal < 2; focal++, o.focal_gamma = 2)
    must(run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, s, &o, 0, p.rows, NULL),
                ARRAYS(x, g, NULL, y, g, g, &exact_sum)),
         "binary cross-entropy");
  s->logits.type = s->gradient.type = s->targets.type = s->element_weights.type = s->positive_weights.type = XENT_F64;
  const int64_t numbers = (int64_t)MOST_ROWS * 1024 / 2; /* as doubles */
  if (p.rows * p.classes <= numbers)
    must(run_at(on_rows(XENT_FUNCTION_BINARY_CROSS_ENTROPY, s, &o, 0, p.rows, NULL),
                ARRAYS(x, g, NULL, y, g, g, &exact_sum)),
         "the same of doubles");
  return NULL;
}

/* 16 bits and nothing else that is not plain. */
static void *run_narrow(void *argument) {
  problem p = *(const problem *)argument;
  xent_shape *s = &p.shape;
  s->logits.type = s->gradient.type = s->output.type = XENT_BF16;
  must(cross_entropy_of(s, &p.options, 0, p.rows,
                        &(cross_entropy_arrays){.logits = x,
                                                .targets = labels,
                                                .losses = losses,
                                                .log_sum_exp = lse,
                                                .correct = correct,
                                                .gradient = y,
                                                .exact_sum = &exact_sum},
                        NULL),
       "16-bit loss");
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, s, &p.options, 0, p.rows, 0, p.classes, NULL), ARRAYS(x, y)),
       "16-bit softmax");
  return NULL;
}

/* Class weights of the rows' labels alone: the paint must not be read as the label of a lane without a row. */
static void *run_class_weights(void *argument) {
  problem p = *(const problem *)argument;
  static float weights[20000];
  p.shape.class_weights = (xent_layout){.classes = 1, .type = XENT_F32};
  for (int64_t i = 0; i < p.classes; i++) weights[i] = 1;
  must(cross_entropy_of(&p.shape, &p.options, 0, p.rows, &(cross_entropy_arrays){.logits = x, .targets = labels,
                        .class_weights = weights, .losses = losses, .gradient = y}, NULL), "class weights");
  return NULL;
}

/* With everything that a general call may have, and in 16 bits. */
static void *run_general(void *argument) {
  problem p = *(const problem *)argument;
  xent_shape *s = &p.shape;
  static uint8_t mask[MOST_ROWS * 1024];
  static int32_t classes[MOST_ROWS];
  memset(mask, 1, sizeof mask);
  s->class_mask = s->logits;
  s->class_mask.type = XENT_U8;
  s->logits.type = s->gradient.type = s->output.type = XENT_BF16;
  s->row_weights = s->sink = s->entropies = s->losses;
  s->class_weights = (xent_layout){.classes = 0, .type = XENT_F16};
  s->top_classes = s->targets;
  s->top_classes.classes = 1;
  s->top_count = 1;
  p.options.softcap = 30, p.options.temperature = 2, p.options.z_loss = 1e-3;
  static const uint16_t one[1] = {0x3c00};
  for (int64_t i = 0; i < p.rows; i++) losses[i] = 1;
  const cross_entropy_arrays a = {.logits = x,
                                  .targets = labels,
                                  .class_mask = mask,
                                  .class_weights = one,
                                  .row_weights = losses,
                                  .sink = losses,
                                  .log_sum_exp = lse,
                                  .correct = correct,
                                  .top_classes = classes,
                                  .gradient = y,
                                  .statistics = statistics,
                                  .exact_sum = &exact_sum};
  must(cross_entropy_of(s, &p.options, 0, p.rows, &a, NULL), "general cross-entropy");
  s->targets = s->logits;
  s->targets.type = XENT_F32;
  const cross_entropy_arrays soft = {.logits = x, .targets = g, .class_mask = mask, .class_weights = one,
                                          .row_weights = losses, .sink = losses, .entropies = lse, .gradient = y};
  must(cross_entropy_of(s, &p.options, 0, p.rows, &soft, NULL), "general probability rows");
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX, s, &p.options, 0, p.rows, 0, p.classes, NULL),
              ARRAYS(x, y, mask, losses)),
       "general softmax");
  p.options.softcap = 0;
  s->upstream = s->output;
  must(run_at(on_classes(XENT_FUNCTION_SOFTMAX_BACKWARD, s, &p.options, 0, p.rows, 0, p.classes, NULL),
              ARRAYS(x, g, y, mask)),
       "general backward");
  return NULL;
}

/* The largest classes, which columns are turned for, with a row that leaves the others. */
static void *run_top(void *argument) {
  problem p = *(const problem *)argument;
  xent_shape *s = &p.shape;
  static int32_t classes[MOST_ROWS * 3];
  const float first = x[0];
  s->top_count = p.classes < 3 ? p.classes : 3;
  s->top_classes = xent_per_class(s->top_count, s->inner, XENT_I32);
  s->sink = s->row_weights = s->losses;
  p.options.softcap = 19;
  for (int64_t i = 0; i < p.rows; i++) losses[i] = 1;
  cross_entropy_arrays a = {.logits = x, .targets = labels, .sink = losses, .row_weights = losses, .log_sum_exp = lse,
                            .top_classes = classes, .statistics = statistics, .gradient = y};
  x[0] = NAN;
  for (int targets = 0; targets < 2; targets++) {
    if (!targets) a.targets = NULL, a.gradient = NULL, a.row_weights = NULL;
    p.options.softcap = targets ? 0 : 19;
    must(cross_entropy_of(s, &p.options, 0, p.rows, &a, NULL), "the largest classes");
    a.targets = labels, a.gradient = y;
  }
  x[0] = first;
  return NULL;
}

/* Few classes are kept, many, and those that say what is expected; and what cross-entropy says of the tokens. */
static void *run_sample(void *argument) {
  problem p = *(const problem *)argument;
  xent_shape *s = &p.shape;
  s->tokens = (xent_layout){.outer = s->inner, .inner = 1, .type = XENT_I32};
  s->processed_log_probabilities = s->log_probabilities = s->losses;
  p.options.label_smoothing = 0;
  const xent_sampling ways[] = {{.size = sizeof(xent_sampling), .top_k = 7, .top_p = 0.9},
                                {.size = sizeof(xent_sampling), .top_p = 0.9, .min_keep = 3},
                                {.size = sizeof(xent_sampling), .top_k = p.classes / 2 + 1, .typical_p = 0.5},
                                {.size = sizeof(xent_sampling), .top_n_sigma = 4, .xtc_probability = 1,
                                 .scale = 0.3, .dynatemp_range = 0.5}};
  static uint32_t bits[MOST_CLASSES / 32];
  static uint64_t flags[MOST_CLASSES / 8];
  memset(bits, 0xff, sizeof bits);
  s->class_mask = (xent_layout){.classes = 1, .type = XENT_U32};
  for (size_t i = 0; i < 2 * sizeof ways / sizeof *ways; i++)
    must(run_at((function_call){.function = XENT_FUNCTION_SAMPLE,
                            .shape = s,
                            .options = &p.options,
                            .sampling = &ways[i / 2],
                            .row_begin = 0,
                            .row_end = p.rows,
                            .workspace_size = sizeof flags},
                ARRAYS(x, lse, i % 2 ? bits : NULL, NULL, NULL, NULL, losses, NULL, NULL, y, NULL, NULL, NULL, NULL,
                       flags)),
         "sample");
  return NULL;
}

/* Two classes of each row, in either arithmetic. */
static void *run_selected(void *argument) {
  const problem *p = argument;
  xent_shape s = p->shape;
  xent_options o = xent_default_options();
  o.isa = p->options.isa;
  const int64_t rows = p->rows / 2; /* as doubles, and as pairs of labels */
  if (s.inner > 1 || rows == 0) return NULL;
  s.outer = rows;
  s.target_count = 2;
  s.targets = s.upstream = s.log_probabilities = xent_per_class(2, 1, XENT_F32);
  s.targets.type = XENT_I32;
  for (int wide = 0; wide < 2; wide++) {
    s.logits.type = s.gradient.type = wide ? XENT_F64 : XENT_F32;
    must(run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES, &s, &o, 0, rows, NULL),
                ARRAYS(x, labels, losses, y, NULL, NULL, NULL, NULL, statistics)),
         "selected log-probabilities");
    must(run_at(on_rows(XENT_FUNCTION_SELECTED_LOG_PROBABILITIES_BACKWARD, &s, &o, 0, rows, NULL),
                ARRAYS(x, labels, y, NULL, NULL, NULL, statistics)),
         "their backward");
  }
  return NULL;
}

/* Panels and few rows, with gradients; and whole rows. */
static void *run_linear(void *argument) {
  problem p = *(const problem *)argument;
  xent_shape *s = &p.shape;
  enum { FEATURES = 3, ALIGNMENT = 64, CONTENTS = XENT_WORKSPACE_WEIGHTS_GRADIENT | XENT_WORKSPACE_WHOLE_ROWS };
  s->features = FEATURES;
  s->hidden = (xent_layout){.outer = FEATURES * s->inner, .classes = 1, .inner = FEATURES, .type = XENT_F32};
  s->weights = s->weights_gradient = (xent_layout){.outer = FEATURES, .classes = 1, .type = XENT_F32};
  s->entropies = s->losses;
  const uint64_t bytes = xent_linear_workspace(p.rows, FEATURES, p.classes, CONTENTS);
  char *room = must_allocate(bytes + ALIGNMENT), *workspace = room + (-(uintptr_t)room & (ALIGNMENT - 1));
  for (int whole = 0; whole < 2; whole++)
    must(run_at((function_call){.function = XENT_FUNCTION_LINEAR_CROSS_ENTROPY,
                            .shape = s,
                            .options = &p.options,
                            .row_begin = 0,
                            .row_end = p.rows,
                            .workspace_size = bytes},
                ARRAYS(x, g, NULL, NULL, labels, NULL, NULL, NULL, NULL, NULL, losses, NULL, NULL, NULL, NULL, NULL,
                       whole ? lse : NULL, NULL, NULL, NULL, NULL, y, NULL, statistics, &exact_sum, workspace)),
         "linear cross-entropy");
  must(run_at((function_call){.function = XENT_FUNCTION_LINEAR_CROSS_ENTROPY_BACKWARD,
                          .shape = s,
                          .options = &p.options,
                          .row_begin = 0,
                          .row_end = p.rows,
                          .class_begin = 0,
                          .class_end = p.classes,
                          .workspace_size = bytes},
              ARRAYS(x, g, NULL, NULL, labels, NULL, NULL, NULL, NULL, NULL, NULL, y, NULL, statistics, workspace)),
       "its backward");
  must(run_at((function_call){.function = XENT_FUNCTION_LINEAR_STATES,
                          .shape = s,
                          .options = &p.options,
                          .row_begin = 0,
                          .row_end = p.rows,
                          .class_begin = 0,
                          .class_end = p.classes,
                          .workspace_size = bytes},
              ARRAYS(x, g, NULL, labels, NULL, NULL, NULL, NULL, states, workspace)),
       "its states");
  free(room);
  return NULL;
}

typedef struct {
  const char *name;
  void *(*run)(void *);
  bool smooths; /* looks at label smoothing */
} measured;

static int64_t most, failures;

static void test_shape(int64_t outer, int64_t classes, int64_t inner, int32_t isa, double smoothing) {
  static const measured runs[] = {{"forward", run_forward, false},
                                  {"backward", run_backward, false},
                                  {"cross-entropy", run_cross_entropy, true},
                                  {"probability rows", run_probabilities, true},
                                  {"in parts", run_parts, true},
                                  {"float64", run_wide, true},
                                  {"general", run_general, true},
                                  {"the largest classes", run_top, false},
                                  {"16 bits", run_narrow, true},
                                  {"class weights", run_class_weights, true},
                                  {"sample", run_sample, false},
                                  {"elements", run_elements, false},
                                  {"selected classes", run_selected, false},
                                  {"linear", run_linear, true}};
  problem p = {.shape = dense_shape_of(outer, classes, inner, XENT_I32), .options = xent_default_options(),
               .rows = outer * inner, .classes = classes};
  p.shape.upstream = p.shape.output;
  p.options.isa = isa;
  p.options.label_smoothing = smoothing;
  const int64_t empty = stack_of(do_nothing, &p);
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
    if (smoothing > 0 && !runs[i].smooths) continue;
    const int64_t bytes = stack_of(runs[i].run, &p) - empty;
    if (bytes > most) most = bytes;
    if (bytes <= PROMISED) continue;
    failures++;
    fprintf(stderr, "%s, %s of [%lld, %lld, %lld]: %lld bytes of stack\n", xent_isa_name(isa), runs[i].name,
            (long long)outer, (long long)classes, (long long)inner, (long long)bytes);
  }
}

/* A call that asks how much of the stack is left: on one too small it stores nothing. */
typedef struct {
  xent_status status;
  float output[4];
} small_call;
static void *run_small(void *argument) {
  small_call *c = argument;
  static const float logits[4] = {1, 2, 3, 4};
  const xent_shape s = dense_shape_of(1, 4, 1, XENT_I32);
  const xent_options o = xent_default_options();
  c->status = run_at(on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, 1, 0, 4, NULL), ARRAYS(logits, c->output));
  return NULL;
}
static void test_small_stack(size_t bytes, xent_status expected) {
  small_call c = {.output = {7, 7, 7, 7}};
  run_on_stack(bytes, run_small, &c);
  if (c.status == expected && (c.output[0] == 7) == (expected != XENT_OK)) return;
  failures++;
  fprintf(stderr, "a stack of %zu bytes: status %d, output %g\n", bytes, c.status, (double)c.output[0]);
}

int main(int argc, char **argv) {
  static const int64_t class_counts[] = {2, 16, 17, 104, 105, 128, 129, 1000, 1024, 1025, 8192, MOST_CLASSES};
  const size_t room = (size_t)MOST_ROWS * 1024 * sizeof *x;
  random_source r = {3};
  const size_t enough = XENT_STACK_PROMISED + XENT_STACK_GUARDED;
  test_small_stack(enough - (4 << 10), XENT_OUT_OF_STACK);
  test_small_stack(enough + (32 << 10), XENT_OK);
  if (argc > 1 && !strcmp(argv[1], "left")) return failures != 0;
  x = must_allocate(room), y = must_allocate(room), g = must_allocate(room);
  exact_sum = xent_empty_exact_sum();
  for (size_t i = 0; i < sizeof class_counts / sizeof *class_counts; i++) {
    const int64_t n = class_counts[i], rows = n <= 1024 ? MOST_ROWS : MOST_ROWS * 1024 / n;
    for (int64_t k = 0; k < rows; k++) {
      fill_row(x + k * n, n, (int)(k % ROW_KINDS), &r);
      fill_row(g + k * n, n, (int)(k % 40 < ROW_KINDS ? k % 40 : 0), &r);
      labels[k] = (int32_t)random_below(&r, n);
    }
    for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
      /* Several blocks of sixteen rows are enough where the arithmetic is slow; a strip of columns has up to 256. */
      const int64_t some = isa == XENT_ISA_SCALAR && rows > 70 ? 70 : rows;
      for (int smooth = 0; smooth < 2; smooth++) {
        if (isa == XENT_ISA_SCALAR && smooth == (int)(i & 1)) continue;
        test_shape(1, n, 1, isa, smooth * 0.1);
        test_shape(some, n, 1, isa, smooth * 0.1);
        test_shape(1, n, rows, isa, smooth * 0.1);
        test_shape(some / 5, n, 5, isa, smooth * 0.1);
      }
    }
  }
  free(x), free(y), free(g);
  printf("at most %lld bytes of stack\n", (long long)most);
  return failures != 0;
}
