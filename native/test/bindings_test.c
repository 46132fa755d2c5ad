/* SPDX-License-Identifier: Apache-2.0 */
/* Functions by their number, and calls that are prepared once and run often. */
#include "api/function_list.h"
#include "calls.h"
#include "check.h"
#include "kernels/records.h"
#include <math.h>
#include <string.h>

#define ONE_MORE(number, name) +1
enum { FUNCTIONS = XENT_FUNCTIONS(ONE_MORE) };

/* Numbers, sizes and arrays that an entry point rejects; and a function that it runs like the struct does. */
static void test_doors(void) {
  const xent_shape s = dense_shape(1, 3, 1);
  const xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
  float logits[3] = {1, 2, 3}, output[3] = {0}, other[3];
  int64_t label = 2;
  xent_work w = on_classes(XENT_FUNCTION_SOFTMAX, &s, &o, 0, 1, 0, 3, &r);
  CHECK(xent_few_at(NULL, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_SIZE);
  w.size = sizeof w + 1;
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_SIZE);
  static const int32_t unknown[] = {0, FUNCTIONS + 1, -1, INT32_MAX, INT32_MIN};
  w.size = sizeof w;
  for (size_t k = 0; k < sizeof unknown / sizeof *unknown; k++) {
    w.function = unknown[k];
    CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_UNSUPPORTED);
  }
  w.function = XENT_FUNCTION_LOG_SUM_EXP; /* takes five arrays */
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, logits) == XENT_INVALID_ARGUMENT && output[0] == 0);
  w.function = XENT_FUNCTION_SOFTMAX;
  CHECK(xent_many_at(&w, logits, output, NULL, NULL, NULL, NULL, logits, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                     NULL) == XENT_INVALID_ARGUMENT &&
        output[0] == 0);
  CHECK(xent_many_at(&w, logits, output, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                     NULL) == XENT_OK);
  CHECK(xent_few_at(&w, logits, other, NULL, NULL, NULL, NULL) == XENT_OK && !memcmp(output, other, sizeof output));
  w.report = NULL;
  w.function = XENT_FUNCTION_CHECK_TARGETS; /* returns its result in the report */
  CHECK(xent_few_at(&w, &label, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  w.report = &r;
  CHECK(xent_few_at(&w, &label, NULL, NULL, NULL, NULL, NULL) == XENT_OK && r.valid_rows == 1);
  w.choice = 1; /* of a function without choices */
  CHECK(xent_few_at(&w, &label, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  w.function = XENT_FUNCTION_SOFTMAX;
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  int32_t token[2]; /* a function without a range of classes ignores it */
  xent_shape one = s;
  one.tokens = xent_per_row(XENT_I32);
  const xent_sampling greedy = {.size = sizeof greedy, .greedy = 1};
  w = (xent_work){.size = sizeof w, .function = XENT_FUNCTION_SAMPLE, .shape = &one, .options = &o, .report = &r,
                  .sampling = &greedy, .row_end = 1, .class_begin = 7, .class_end = 9};
  CHECK(xent_few_at(&w, logits, token, NULL, NULL, NULL, NULL) == XENT_OK && token[0] == 2);
}

/* Missing structs have no size that could be wrong. */
static void test_structs_that_are_missing(void) {
  const xent_shape s = dense_shape(1, 3, 1);
  const xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
  float logits[3] = {1, 2, 3}, output[3] = {0};
  xent_work w = on_classes(XENT_FUNCTION_SOFTMAX, NULL, &o, 0, 1, 0, 3, &r);
  w.size = sizeof w;
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(r.field == XENT_FIELD_SHAPE && r.integer == 0);
  w.shape = &s;
  w.options = NULL;
  CHECK(xent_few_at(&w, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(r.field == XENT_FIELD_OPTIONS && r.integer == 0 && output[0] == 0);
}

/* A compiler that sees callers and library, as with link-time optimization, assumes that these are the same. */
#define XENT_DEFINE_WORD_AFTER(opaque_type, type)                                                                \
  __attribute__((noinline)) static uint64_t word_of_##opaque_type(xent_##opaque_type *caller, type *own) {       \
    caller->opaque[0] = 1;                                                                                       \
    own->kind = 7;                                                                                               \
    return caller->opaque[0];                                                                                    \
  }
XENT_DEFINE_WORD_AFTER(statistics, row_statistics)
XENT_DEFINE_WORD_AFTER(state, row_state)

static void test_records_behind_opaque_structs(void) {
  static xent_statistics statistics;
  static xent_state state;
  CHECK(word_of_statistics(&statistics, (void *)&statistics) == 7);
  CHECK(word_of_state(&state, (void *)&state) == 7);
}

/* Arrays that are named by bits are passed without gaps, at once and prepared. */
static void test_named_arrays(const xent_options *o) {
  enum { C = 3, LOGITS = 1 << 0, TARGETS = 1 << 1, GRADIENT = 1 << 5, CLASS_WEIGHTS = 1 << 8 };
  xent_shape s = dense_shape(2, C, 1);
  s.targets = xent_per_row(XENT_I32);
  s.gradient = xent_per_class(C, 1, XENT_F32);
  s.class_weights = xent_per_class(0, 1, XENT_F32);
  const float logits[2 * C] = {1, 2, 3, 3, 1, 2}, weights[C] = {1, 2, 0.5f}, others[C] = {1, 1, 1};
  const int32_t labels[2] = {2, 1};
  float all[2 * C], named[2 * C], unweighted[2 * C];
  xent_work w = on_classes(XENT_FUNCTION_CROSS_ENTROPY, &s, o, 0, 2, 0, C, NULL);
  const doors linked = {xent_few_at, xent_many_at};
  CHECK(run_through(&linked, w, ARRAYS(logits, labels, NULL, NULL, NULL, all, NULL, NULL, weights)) == XENT_OK);
  CHECK(run_through(&linked, w, ARRAYS(logits, labels, NULL, NULL, NULL, unweighted)) == XENT_OK);
  w.size = sizeof w;
  w.arrays = LOGITS | TARGETS | GRADIENT | CLASS_WEIGHTS;
  CHECK(xent_few_at(&w, logits, labels, named, weights, NULL, NULL) == XENT_OK && !memcmp(named, all, sizeof all));
  CHECK(xent_few_at(&w, logits, labels, named, weights, weights, NULL) == XENT_INVALID_ARGUMENT); /* one more */
  xent_prepared p = {.size = sizeof p};
  w.prepared = &p;
  CHECK(xent_few_at(&w, logits, labels, named, weights, NULL, NULL) == XENT_OK);
  CHECK(xent_run_at(&p, NULL, NULL, named, others, NULL, NULL) == XENT_OK);
  CHECK(!memcmp(named, unweighted, sizeof named));
  CHECK(xent_run_at(&p, NULL, NULL, named, weights, NULL, NULL) == XENT_OK && !memcmp(named, all, sizeof all));
  w.prepared = NULL;
  w.arrays = (uint64_t)1 << 40; /* the bit of no array */
  CHECK(xent_few_at(&w, logits, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  w.arrays = 0x7f; /* more than are passed */
  CHECK(xent_few_at(&w, logits, labels, NULL, NULL, NULL, named) == XENT_INVALID_ARGUMENT);
}

/* The scale of gradients may change between runs: each run writes what a call with this scale writes. */
static void test_changed_scale(int64_t rows, int64_t classes, int32_t type) {
  enum { MOST = 70 * 40 };
  static double logits[MOST], gradient[MOST], expected[MOST];
  static float weights[MOST];
  static int32_t labels[70];
  const double scales[] = {1, 0.25, 1.0 / 3, 0, -0.0, 1e-300, 7, 1e30};
  for (int64_t i = 0; i < rows * classes; i++) {
    const double value = (double)(i * 37 % 101) / 10;
    if (type == XENT_F64) logits[i] = value;
    else ((float *)logits)[i] = (float)value;
    weights[i] = (float)(i % 5) / 2;
  }
  for (int with = 0; with < 4; with++) {
    xent_options o = xent_default_options();
    for (int64_t i = 0; i < rows; i++) labels[i] = (int32_t)(with & 1 ? i % (classes + 1) - 1 : i % classes);
    o.has_ignore_index = with & 1;
    o.ignore_index = -1;
    o.gradient_scale = 3;
    xent_cross_entropy_call c = {.size = sizeof c, .sizes = xent_rows(rows, classes), .options = &o,
                                 .logits = {logits, xent_per_class(classes, 1, type)},
                                 .targets = {labels, xent_per_row(XENT_I32)},
                                 .gradient = {gradient, xent_per_class(classes, 1, type)}};
    if (with & 2) c.class_weights = (xent_input){weights, xent_per_class(0, 1, XENT_F32)};
    xent_prepared p = {.size = sizeof p};
    CHECK(xent_prepare(&p, XENT_FUNCTION_CROSS_ENTROPY, &c) == XENT_OK);
    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
      o.gradient_scale = scales[k];
      CHECK(xent_run(&p) == XENT_OK);
      memcpy(expected, gradient, sizeof expected);
      memset(gradient, 0x55, sizeof gradient);
      const double unwritten = gradient[MOST - 1];
      CHECK(xent_cross_entropy(&c) == XENT_OK && gradient[MOST - 1] == unwritten);
      const size_t bytes = (size_t)(rows * classes) * (type == XENT_F64 ? sizeof(double) : sizeof(float));
      CHECK(!memcmp(expected, gradient, bytes));
    }
  }
}

static void test_changed_scales(void) {
  for (int64_t rows = 1; rows <= 64; rows += rows < 8 ? 1 : 19) {
    for (int64_t classes = 1; classes <= 40; classes += classes < 18 ? 1 : 7) {
      test_changed_scale(rows, classes, XENT_F32);
      test_changed_scale(rows, classes, XENT_F64);
    }
  }
}

/* A call that is checked once reads the current contents of its memory in each run. */
static void test_prepared(void) {
  enum { C = 5 };
  const xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
  float logits[C] = {1, 2, 3, 4, 5}, gradient[C], moved[C], again[C], loss[2];
  int8_t label = 2, other_label = 4;
  xent_cross_entropy_call c = {.size = sizeof c, .sizes = xent_rows(1, C), .options = &o, .report = &r,
                               .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                               .targets = {&label, xent_per_row(XENT_I8)},
                               .losses = {loss, xent_per_row(XENT_F32)},
                               .gradient = {gradient, xent_per_class(C, 1, XENT_F32)}};
  xent_prepared p = {.size = sizeof p};
  const int32_t function = XENT_FUNCTION_CROSS_ENTROPY;
  CHECK(xent_run(NULL) == XENT_INVALID_ARGUMENT && xent_run(&p) == XENT_INVALID_ARGUMENT);
  CHECK(xent_run_at(&p, logits, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_prepare(&p, 0, &c) == XENT_UNSUPPORTED);
  CHECK(xent_prepare(&p, FUNCTIONS + 1, &c) == XENT_UNSUPPORTED);
  CHECK(xent_prepare(NULL, function, &c) == XENT_INVALID_ARGUMENT && xent_prepare(&p, function, NULL) != XENT_OK);
  xent_prepared unsized = {.size = 8};
  CHECK(xent_prepare(&unsized, function, &c) == XENT_INVALID_SIZE && xent_run(&unsized) == XENT_INVALID_ARGUMENT);
  gradient[0] = 77;
  CHECK(xent_prepare(&p, function, &c) == XENT_OK && gradient[0] == 77); /* nothing is computed */
  c.size = 0; /* the struct is not used afterwards */
  for (int run = 0; run < 3; run++) {
    logits[run] += 0.5f;
    label = (int8_t)run;
    r.row = 9;
    CHECK(xent_run(&p) == XENT_OK && r.row == -1 && r.valid_rows == 1 && r.denominator == 1);
    memcpy(moved, gradient, sizeof moved);
    loss[1] = loss[0];
    c.size = sizeof c;
    CHECK(xent_cross_entropy(&c) == XENT_OK && !memcmp(moved, gradient, sizeof moved) && loss[0] == loss[1]);
  }
  const int32_t way = r.path;
  CHECK(xent_run(&p) == XENT_OK && r.path == way);
  label = C;
  CHECK(xent_run(&p) == XENT_INVALID_LABEL && r.row == 0 && r.label == C);
  label = -1;
  CHECK(xent_run(&p) == XENT_INVALID_LABEL && r.label == -1);
  label = 1;
  CHECK(xent_run(&p) == XENT_OK);
  memcpy(moved, logits, sizeof moved);
  memset(logits, 0, sizeof logits);
  CHECK(xent_run_at(&p, moved, &other_label, NULL, NULL, NULL, again) == XENT_OK && again[4] < 0 && again[1] > 0);
  xent_cross_entropy_call there = c; /* every array is the one at the new address */
  float direct[C];
  there.logits.address = moved;
  there.targets.address = &other_label;
  there.gradient.address = direct;
  CHECK(xent_cross_entropy(&there) == XENT_OK && !memcmp(again, direct, sizeof direct));
  CHECK(xent_run_at(&p, NULL, &label, NULL, NULL, again, NULL) == XENT_OK && again[1] < 0); /* of no array */
  c.sizes.classes = 0;
  CHECK(xent_prepare(&p, function, &c) == XENT_INVALID_SHAPE && r.field == XENT_FIELD_CLASSES);
  CHECK(xent_run(&p) == XENT_INVALID_ARGUMENT); /* what was prepared before is gone */
  c.sizes.classes = C;
  c.report = NULL;
  CHECK(xent_prepare(&p, function, &c) == XENT_OK && xent_run(&p) == XENT_OK);
  /* a rejected call leaves nothing that was prepared before */
  xent_cross_entropy_call bad = c;
  bad.size = 0;
  CHECK(xent_prepare(&p, function, &bad) == XENT_INVALID_SIZE && xent_run(&p) == XENT_INVALID_ARGUMENT);
  CHECK(xent_prepare(&p, function, &c) == XENT_OK && xent_prepare(&p, function, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_run(&p) == XENT_INVALID_ARGUMENT && xent_prepare(&p, function, &c) == XENT_OK);
  CHECK(xent_prepare(&p, 99, &c) == XENT_UNSUPPORTED && xent_run(&p) == XENT_INVALID_ARGUMENT);
  const xent_shape dense = dense_shape(1, C, 1);
  xent_work w = on_classes(XENT_FUNCTION_SOFTMAX, &dense, &o, 0, 1, 0, C, &r);
  w.size = sizeof w;
  w.prepared = &p;
  CHECK(xent_few_at(&w, logits, again, NULL, NULL, NULL, NULL) == XENT_OK && r.path == 0 &&
        xent_run(&p) == XENT_OK && r.path != 0);
  w.choice = 1;
  CHECK(xent_few_at(&w, logits, again, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(xent_run(&p) == XENT_INVALID_ARGUMENT);
  /* arrays after those of the function are not read */
  xent_log_sum_exp_call lse = {.size = sizeof lse, .sizes = xent_rows(1, C), .report = &r,
                               .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                               .log_sum_exp = {loss, xent_per_row(XENT_F32)}};
  CHECK(xent_prepare(&p, XENT_FUNCTION_LOG_SUM_EXP, &lse) == XENT_OK && xent_run(&p) == XENT_OK);
  loss[1] = loss[0];
  CHECK(xent_run_at(&p, logits, loss, moved, moved, moved, moved) == XENT_OK && loss[0] == loss[1]);
  test_named_arrays(&o);
  /* an exact sum says in each run that it is one */
  xent_exact_sum exact_sum = xent_empty_exact_sum();
  c.exact_sum = &exact_sum;
  c.report = &r;
  CHECK(xent_prepare(&p, function, &c) == XENT_OK && xent_run(&p) == XENT_OK);
  exact_sum.size = 0;
  CHECK(xent_run(&p) == XENT_INVALID_SIZE && r.field == XENT_FIELD_EXACT_SUM && r.integer == 0 && r.path == 0);
  c.exact_sum = NULL;
  /* memory is checked again in each run */
  int32_t offsets[2] = {0, C};
  xent_softmax_call ragged = {.size = sizeof ragged, .sizes = xent_rows(1, C), .report = &r,
                              .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                              .output = {again, xent_per_class(C, 1, XENT_F32)},
                              .row_offsets = {offsets, xent_per_row(XENT_I32)}};
  CHECK(xent_prepare(&p, XENT_FUNCTION_SOFTMAX, &ragged) == XENT_OK && r.path == 0 && xent_run(&p) == XENT_OK);
  offsets[1] = C + 1;
  CHECK(xent_run(&p) == XENT_INVALID_SHAPE && r.field == XENT_FIELD_ROW_OFFSETS);
  offsets[1] = 3;
  again[3] = 99;
  CHECK(xent_run(&p) == XENT_OK && again[3] == 99 && again[0] == (float)(1 / 3.0));
  xent_sampling sampling = {.size = sizeof sampling, .greedy = 1};
  int32_t token[1] = {-9};
  xent_sample_call sample = {.size = sizeof sample, .sizes = xent_rows(1, C), .report = &r, .sampling = &sampling,
                             .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                             .tokens = {token, xent_per_row(XENT_I32)}};
  CHECK(xent_prepare(&p, XENT_FUNCTION_SAMPLE, &sample) == XENT_OK && token[0] == -9);
  logits[3] = 1;
  CHECK(xent_run(&p) == XENT_OK && token[0] == 3);
  sampling.top_k = -1;
  CHECK(xent_run(&p) == XENT_INVALID_OPTION && r.field == XENT_FIELD_TOP_K);
  sample.options = &o; /* what is kept of a call without rows is the caller's */
  sample.sizes = xent_rows(0, C);
  sample.tokens.address = NULL;
  sampling.top_k = 0;
  CHECK(xent_prepare(&p, XENT_FUNCTION_SAMPLE, &sample) == XENT_OK);
  bool kept = false;
  for (size_t k = 0; k < sizeof p.opaque / sizeof *p.opaque; k++) kept |= p.opaque[k] == (uint64_t)(uintptr_t)&o;
  CHECK(kept && xent_run(&p) == XENT_OK && r.valid_rows == 0);
  sampling.top_k = -1; /* which checks read of every run, rows or none */
  CHECK(xent_run(&p) == XENT_INVALID_OPTION && r.field == XENT_FIELD_TOP_K);
}

/* Whether runs of a prepared call omit its checks: the word after the function is the kernel. */
static bool is_kept(const xent_prepared *p) { return p->opaque[1] != 0; }

/* A list without entries may have some in a later run of a call that was made by its number. */
static void test_list_that_grows(void) {
  float logits[3] = {2, 1.5f, 0};
  int32_t token = -1, output[1] = {0};
  const xent_sampling s = {.size = sizeof s, .greedy = 1, .repetition_penalty = 10};
  xent_shape shape = dense_shape(1, 3, 1);
  shape.tokens = xent_per_row(XENT_I32);
  shape.output_tokens = xent_per_class(1, 1, XENT_I32);
  const xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
  xent_prepared p = {.size = sizeof p};
  const xent_work w = {.size = sizeof w, .function = XENT_FUNCTION_SAMPLE, .shape = &shape, .options = &o,
                       .sampling = &s, .report = &r, .row_end = 1, .prepared = &p,
                       .arrays = 1 | 1 << 1 | 1 << 5 /* logits, tokens, output tokens */};
  CHECK(xent_few_at(&w, logits, &token, output, NULL, NULL, NULL) == XENT_OK && !is_kept(&p) && r.path == 0);
  CHECK(xent_run(&p) == XENT_OK && token == 0);
  shape.output_count = 1;
  CHECK(xent_run(&p) == XENT_INVALID_ARGUMENT && r.field == XENT_FIELD_WORKSPACE && r.path == 0);
}

enum { SAMPLED_ROWS = 2, SAMPLED = 40, SAMPLED_TOP = 3 };
typedef struct {
  int32_t tokens[SAMPLED_ROWS], kept[SAMPLED_ROWS], ranks[SAMPLED_ROWS], top[SAMPLED_ROWS * SAMPLED_TOP];
  float processed[SAMPLED_ROWS], log_probabilities[SAMPLED_ROWS], entropies[SAMPLED_ROWS],
      top_logs[SAMPLED_ROWS * SAMPLED_TOP];
  uint8_t kept_mask[SAMPLED_ROWS * SAMPLED];
  xent_report report;
} sampled;

/* A call with every output, and a bias. */
static xent_sample_call sample_into(sampled *to, const float *logits, const float *bias, const xent_sampling *s) {
  const xent_layout number = xent_per_row(XENT_I32), real = xent_per_row(XENT_F32);
  memset(to, 0xee, sizeof *to);
  to->report = (xent_report){.size = sizeof to->report};
  xent_sample_call c = {.size = sizeof c, .sizes = xent_rows(SAMPLED_ROWS, SAMPLED), .report = &to->report,
                        .sampling = s, .logits = {logits, xent_per_class(SAMPLED, 1, XENT_F32)},
                        .tokens = {to->tokens, number}, .bias = {bias, {0, 1, 0, XENT_F32, 0}},
                        .processed_log_probabilities = {to->processed, real}, .kept = {to->kept, number},
                        .kept_mask = {to->kept_mask, xent_per_class(SAMPLED, 1, XENT_U8)},
                        .log_probabilities = {to->log_probabilities, real}, .ranks = {to->ranks, number},
                        .entropies = {to->entropies, real},
                        .top_classes = {to->top, xent_per_class(SAMPLED_TOP, 1, XENT_I32)},
                        .top_log_probabilities = {to->top_logs, xent_per_class(SAMPLED_TOP, 1, XENT_F32)}};
  c.sizes.top_count = SAMPLED_TOP;
  return c;
}

/* A run of a sampling call equals the call, for any changes of its memory since the check. */
static void test_prepared_sampling(void) {
  float logits[SAMPLED_ROWS * SAMPLED], moved[SAMPLED_ROWS * SAMPLED], bias[SAMPLED];
  int32_t tokens[SAMPLED_ROWS], before[SAMPLED_ROWS] = {3, 3}, seen = 0;
  uint64_t workspace[16];
  sampled run, direct;
  xent_sampling s = {.size = sizeof s, .top_k = 9, .temperature = 2, .seed = 4};
  for (int i = 0; i < SAMPLED_ROWS * SAMPLED; i++) logits[i] = (float)(i * 37 % 23) / 8;
  for (int i = 0; i < SAMPLED_ROWS * SAMPLED; i++) moved[i] = (float)(i * 29 % 31) / 8;
  for (int i = 0; i < SAMPLED; i++) bias[i] = (float)(i % 3);
  xent_sample_call c = sample_into(&run, logits, bias, &s);
  xent_prepared p = {.size = sizeof p};
  CHECK(xent_prepare(&p, XENT_FUNCTION_SAMPLE, &c) == XENT_OK && is_kept(&p) && run.report.path == 0);
  for (int i = 0; i < 30; i++) {
    s.step++;
    if (i >= 10) s.stream += 5;
    if (i >= 15) logits[i] = 5, bias[3] = 2;
    if (i >= 20) s.seed++, s.draw = (uint32_t)i;
    if (i == 25) s.top_k = 3, s.greedy = 1; /* which is checked, once more in each run */
    const xent_sample_call whole = sample_into(&direct, logits, bias, &s);
    CHECK(xent_run(&p) == XENT_OK && xent_sample(&whole) == XENT_OK && !memcmp(&run, &direct, sizeof run));
    seen |= 1 << run.tokens[0] % 31;
  }
  CHECK(__builtin_popcount((uint32_t)seen) > 5); /* tokens: steps and streams are of each run */
  s.greedy = 0;
  const xent_sample_call there = sample_into(&direct, moved, bias, &s);
  CHECK(xent_run_at(&p, moved, tokens, NULL, NULL, NULL, NULL) == XENT_OK && xent_sample(&there) == XENT_OK);
  CHECK(!memcmp(tokens, direct.tokens, sizeof tokens));
  CHECK(xent_run_at(&p, logits, run.tokens, NULL, NULL, NULL, NULL) == XENT_OK);
  /* invalid options are rejected in any run, and the next run is as before */
#define REFUSED(change, status, name)                                                                      \
  do {                                                                                                     \
    const xent_sampling right = s;                                                                         \
    tokens[0] = run.tokens[0] = 77;                                                                        \
    change;                                                                                                \
    CHECK(xent_run(&p) == (status) && run.report.field == XENT_FIELD_##name && run.tokens[0] == tokens[0]); \
    s = right;                                                                                             \
    CHECK(xent_run(&p) == XENT_OK && run.tokens[0] != tokens[0] && run.report.valid_rows == SAMPLED_ROWS);   \
  } while (0)
  REFUSED(s.top_k = -1, XENT_INVALID_OPTION, TOP_K);
  REFUSED(s.rules = 17, XENT_INVALID_OPTION, RULES);
  REFUSED((s.rules = XENT_RULES_VLLM, s.typical_p = 0.5), XENT_UNSUPPORTED, TYPICAL_P);
  REFUSED(s.presence_penalty = -INFINITY, XENT_INVALID_OPTION, PRESENCE_PENALTY);
  REFUSED(s.reserved = 1, XENT_UNSUPPORTED, SAMPLING);
  REFUSED(s.size = 8, XENT_INVALID_SIZE, SAMPLING);
#undef REFUSED
  logits[SAMPLED] = NAN;
  CHECK(xent_run(&p) == XENT_OK && run.report.valid_rows == 1 && run.tokens[1] == -1 && run.tokens[0] >= 0);
  /* the contents of arrays are checked in each run */
  c = sample_into(&run, moved, bias, &s);
  c.sizes.output_count = 1;
  c.output_tokens = (xent_input){before, xent_per_row(XENT_I32)};
  c.workspace = workspace;
  c.workspace_size = sizeof workspace;
  CHECK(xent_prepare(&p, XENT_FUNCTION_SAMPLE, &c) == XENT_OK && !is_kept(&p) && xent_run(&p) == XENT_OK);
  before[1] = SAMPLED;
  CHECK(xent_run(&p) == XENT_INVALID_LABEL && run.report.field == XENT_FIELD_OUTPUT_TOKENS && run.report.row == 1);
  xent_sampling each[SAMPLED_ROWS] = {s, s};
  c = sample_into(&run, moved, bias, each);
  c.per_row = 1;
  CHECK(xent_prepare(&p, XENT_FUNCTION_SAMPLE, &c) == XENT_OK && !is_kept(&p) && xent_run(&p) == XENT_OK);
  each[1].top_k = -1;
  CHECK(xent_run(&p) == XENT_INVALID_OPTION && run.report.field == XENT_FIELD_TOP_K && run.report.row == 1);
  c = sample_into(&run, moved, bias, NULL); /* without a struct, which could change */
  c.report = NULL;
  const xent_sample_call plain = sample_into(&direct, moved, bias, NULL);
  CHECK(xent_prepare(&p, XENT_FUNCTION_SAMPLE, &c) == XENT_OK && is_kept(&p) && xent_run(&p) == XENT_OK);
  CHECK(xent_sample(&plain) == XENT_OK && !memcmp(run.tokens, direct.tokens, sizeof run.tokens));
}

int main(void) {
  test_doors();
  test_structs_that_are_missing();
  test_records_behind_opaque_structs();
  test_prepared();
  test_changed_scales();
  test_list_that_grows();
  test_prepared_sampling();
  return all_checks();
}
