/* SPDX-License-Identifier: Apache-2.0 */
/* Functions by their number, and calls that are prepared once and run often. */
#include "pages.h" /* first */

#include "api/function_list.h"
#include "calls.h"
#include "check.h"
#include "kernels/records.h"
#include <math.h>
#include <string.h>

#define ONE_MORE(number, name) +1
enum { FUNCTIONS = XENT_FUNCTIONS(ONE_MORE) };

#define NONE_OF_26 \
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
      NULL, NULL, NULL, NULL, NULL, NULL, NULL

/* Functions, sizes and masks that an entry point rejects, and a call that it makes like the function. */
static void test_doors(void) {
  enum { SOFTMAX = XENT_FUNCTION_SOFTMAX, LOGITS = 1, OUTPUT = 2, BOTH = 3 };
  float logits[3] = {1, 2, 3}, output[3] = {0}, other[3] = {0}, direct[3];
  xent_report r = {.size = sizeof r};
  xent_softmax_call c = {.size = sizeof c, .sizes = xent_rows(1, 3), .report = &r,
                         .logits = {NULL, xent_per_class(3, 1, XENT_F32)},
                         .output = {NULL, xent_per_class(3, 1, XENT_F32)}};
  CHECK(xent_softmax_f32(logits, 1, 3, direct) == XENT_OK);
  CHECK(xent_few_at(NULL, SOFTMAX, NULL, BOTH, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  c.size = sizeof c + 1;
  CHECK(xent_few_at(NULL, SOFTMAX, &c, BOTH, logits, output, NULL, NULL, NULL, NULL) == XENT_INVALID_SIZE);
  c.size = sizeof c;
  static const int32_t unknown[] = {0, FUNCTIONS + 1, -1, INT32_MAX, INT32_MIN};
  for (size_t k = 0; k < sizeof unknown / sizeof *unknown; k++)
    CHECK(xent_few_at(NULL, unknown[k], &c, BOTH, logits, output, NULL, NULL, NULL, NULL) == XENT_UNSUPPORTED);
  static const uint64_t wrong[] = {BOTH | 1 << 6, BOTH | UINT64_C(1) << 63}; /* a softmax has six arrays */
  for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
    CHECK(xent_few_at(NULL, SOFTMAX, &c, wrong[k], logits, output, logits, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
    CHECK(xent_many_at(NULL, SOFTMAX, &c, wrong[k], logits, output, logits, NULL, NULL, NULL, NONE_OF_26) ==
          XENT_INVALID_ARGUMENT);
  }
  CHECK(xent_few_at(NULL, XENT_FUNCTION_CROSS_ENTROPY, &c, 0x7f, logits, output, NULL, NULL, NULL, NULL) ==
        XENT_INVALID_ARGUMENT); /* more than are passed */
  CHECK(output[0] == 0);
  CHECK(xent_few_at(NULL, SOFTMAX, &c, BOTH, logits, output, NULL, NULL, NULL, logits) == XENT_OK);
  CHECK(!memcmp(output, direct, sizeof direct));
  c.output.address = other; /* ignored, and then used */
  CHECK(xent_many_at(NULL, SOFTMAX, &c, BOTH, logits, output, NULL, NULL, NULL, NULL, NONE_OF_26) == XENT_OK);
  CHECK(other[0] == 0);
  CHECK(xent_few_at(NULL, SOFTMAX, &c, LOGITS, logits, NULL, NULL, NULL, NULL, NULL) == XENT_OK);
  CHECK(!memcmp(other, direct, sizeof direct));
  CHECK(xent_few_at(NULL, SOFTMAX, &c, OUTPUT, output, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(r.field == XENT_FIELD_LOGITS);
  CHECK(xent_few_at(NULL, SOFTMAX, &c, BOTH, logits, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  CHECK(r.field == XENT_FIELD_OUTPUT);
}

/* Sizes, ranges and counts that a call rejects need no workspace, and overflow nothing. */
static void test_impossible_workspaces(void) {
  enum { LINEAR = XENT_FUNCTION_LINEAR_CROSS_ENTROPY_BACKWARD, SAMPLE = XENT_FUNCTION_SAMPLE };
  float any = 0;
  xent_range rows = {0, 3}, classes = {0, 100};
  xent_linear_cross_entropy_backward_call linear = {.size = sizeof linear, .sizes = xent_rows(3, 100), .features = 8,
                                                    .rows = &rows, .classes = &classes};
  linear.hidden_gradient.address = &any;
  CHECK(xent_workspace(LINEAR, &linear) > 0);
  static const xent_range impossible[] = {
      {0, 101}, {-8192, 100}, {2, 1}, {INT64_MAX, INT64_MIN}, {INT64_MIN, INT64_MAX}};
  for (size_t k = 0; k < sizeof impossible / sizeof *impossible; k++) {
    rows = impossible[k];
    CHECK(xent_workspace(LINEAR, &linear) == 0);
    rows = (xent_range){0, 3};
    classes = impossible[k];
    CHECK(xent_workspace(LINEAR, &linear) == 0);
    classes = (xent_range){0, 100};
  }
  linear.sizes = (xent_sizes){-3, 100, -1};
  CHECK(xent_workspace(LINEAR, &linear) == 0);
  static const int64_t counts[][2] = {{INT64_MAX, INT64_MAX}, {INT64_MIN, INT64_MIN + 9}, {-3, 9}, {9, -3}};
  xent_sample_call sample = {.size = sizeof sample, .sizes = xent_rows(1, 100)};
  sample.prompt_tokens.address = sample.output_tokens.address = &any;
  sample.prompt_count = sample.output_count = INT32_MAX;
  CHECK(xent_workspace(SAMPLE, &sample) > 0);
  for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
    sample.prompt_count = counts[k][0];
    sample.output_count = counts[k][1];
    CHECK(xent_workspace(SAMPLE, &sample) == 0);
  }
}

/* Each list of tokens has fewer than 2^31 per row, also if strides of 0 repeat one. */
static void test_too_many_tokens(void) {
  enum { C = 3 };
  float logits[C] = {0}, value = 0;
  int32_t token = 0, class = -1;
  const xent_layout one = {.type = XENT_I32}, number = {.type = XENT_F32};
  const int32_t fields[] = {XENT_FIELD_PROMPT_COUNT, XENT_FIELD_OUTPUT_COUNT, XENT_FIELD_BIAS_COUNT};
  for (int k = 0; k < 3; k++) {
    xent_report r = {.size = sizeof r};
    xent_sample_call c = {.size = sizeof c, .sizes = xent_rows(1, C), .report = &r,
                          .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                          .tokens = {&token, xent_per_row(XENT_I32)}};
    const int64_t many = k == 1 ? INT64_MAX : (int64_t)INT32_MAX + 1;
    if (k == 0) c.prompt_tokens = (xent_input){&class, one}, c.prompt_count = many;
    if (k == 1) c.output_tokens = (xent_input){&class, one}, c.output_count = many;
    if (k == 2) {
      c.bias_tokens = (xent_input){&class, one};
      c.bias_values = (xent_input){&value, number};
      c.bias_count = many;
    }
    CHECK(xent_workspace(XENT_FUNCTION_SAMPLE, &c) == 0);
    CHECK(xent_sample(&c) == XENT_INVALID_SHAPE && r.field == fields[k] && r.integer == many && token == 0);
  }
}

/* A call without rows has no path of its own: prepared or not, its report is the same. */
static void test_paths_without_rows(void) {
  enum { C = 5 };
  float x[C] = {1, 2, 3, 4, 5}, y[C];
  const xent_range none = {1, 1};
  xent_report direct = {.size = sizeof direct}, run = {.size = sizeof run};
  xent_softmax_call c = {.size = sizeof c, .sizes = xent_rows(1, C), .rows = &none,
                         .logits = {x, xent_per_class(C, 1, XENT_F32)}, .output = {y, xent_per_class(C, 1, XENT_F32)}};
  for (int32_t function = XENT_FUNCTION_SOFTMAX; function <= XENT_FUNCTION_LOG_SOFTMAX; function++) {
    c.report = &direct;
    CHECK((function == XENT_FUNCTION_SOFTMAX ? xent_softmax : xent_log_softmax)(&c) == XENT_OK);
    c.report = &run;
    xent_prepared p = {.size = sizeof p};
    CHECK(xent_prepare(&p, function, &c) == XENT_OK && xent_run(&p) == XENT_OK);
    CHECK(!memcmp(&direct, &run, sizeof run) && run.path == 0);
  }
}

/* A text without tokens has no tables in its workspace, which a mask of bits needs alone. */
static void test_text_without_tokens(void) {
  enum { C = 13, BYTES = 16 };
  float logits[C] = {0};
  int32_t token = -1;
  const uint32_t mask = 1 << 3;
  xent_sample_call c = {.size = sizeof c, .sizes = xent_rows(1, C), .continues = 1,
                        .logits = {logits, xent_per_class(C, 1, XENT_F32)}, .tokens = {&token, xent_per_row(XENT_I32)},
                        .class_mask = {&mask, xent_per_class(1, 1, XENT_U32)}};
  unsigned char *pages = closed_pages(2 * page_size());
  open_pages(pages, page_size());
  c.workspace = pages + page_size() - BYTES;
  c.workspace_size = BYTES;
  CHECK(xent_workspace(XENT_FUNCTION_SAMPLE, &c) == BYTES);
  CHECK(xent_sample(&c) == XENT_OK && token == 3);
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

/* Arrays of a mask are passed without gaps, at once and prepared. */
static void test_named_arrays(const xent_options *o) {
  enum {
    C = 3,
    LOGITS = 1 << 0,
    TARGETS = 1 << 1,
    GRADIENT = 1 << 5,
    CLASS_WEIGHTS = 1 << 8,
    CE = XENT_FUNCTION_CROSS_ENTROPY
  };
  const float logits[2 * C] = {1, 2, 3, 3, 1, 2}, weights[C] = {1, 2, 0.5f}, others[C] = {1, 1, 1};
  const int32_t labels[2] = {2, 1};
  float all[2 * C], named[2 * C], unweighted[2 * C];
  xent_cross_entropy_call c = {.size = sizeof c, .sizes = xent_rows(2, C), .options = o,
                               .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                               .targets = {labels, xent_per_row(XENT_I32)},
                               .gradient = {unweighted, xent_per_class(C, 1, XENT_F32)},
                               .class_weights = {NULL, xent_per_class(0, 1, XENT_F32)}};
  CHECK(xent_cross_entropy(&c) == XENT_OK);
  c.gradient.address = all;
  c.class_weights.address = weights;
  CHECK(xent_cross_entropy(&c) == XENT_OK);
  c.logits.address = c.targets.address = c.class_weights.address = NULL;
  c.gradient.address = NULL;
  const uint64_t mask = LOGITS | TARGETS | GRADIENT | CLASS_WEIGHTS, two = GRADIENT | CLASS_WEIGHTS;
  CHECK(xent_few_at(NULL, CE, &c, mask, logits, labels, named, weights, NULL, NULL) == XENT_OK);
  CHECK(!memcmp(named, all, sizeof all));
  xent_prepared p = {.size = sizeof p};
  CHECK(xent_few_at(&p, CE, &c, mask, logits, labels, named, weights, NULL, NULL) == XENT_OK);
  CHECK(xent_run_at(&p, two, named, others, NULL, NULL, NULL, NULL) == XENT_OK);
  CHECK(!memcmp(named, unweighted, sizeof named));
  CHECK(xent_run_at(&p, two, named, weights, NULL, NULL, NULL, NULL) == XENT_OK && !memcmp(named, all, sizeof all));
  /* a missing address, an array that the call does not use, and bits of no array: nothing changes */
  static const uint64_t wrong[] = {GRADIENT | 1 << 2, UINT64_C(1) << 31, UINT64_C(1) << 32, UINT64_C(1) << 63, 0x7f};
  for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
    CHECK(xent_run_at(&p, wrong[k], unweighted, unweighted, unweighted, unweighted, unweighted, unweighted) ==
          XENT_INVALID_ARGUMENT);
  CHECK(xent_run_at(&p, two, unweighted, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
  memset(named, 0, sizeof named);
  CHECK(xent_run_at(&p, 0, NULL, NULL, NULL, NULL, NULL, NULL) == XENT_OK && !memcmp(named, all, sizeof all));
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

/* A temperature per row: the results of a call per row. */
static void test_temperatures(void) {
  enum { R = 6, C = 5, CE = XENT_FUNCTION_CROSS_ENTROPY };
  double temperatures[R] = {1, 0.5, 0.5, 2, 0x1p32, 1};
  float x[R * C], losses[2][R], gradient[2][R * C], backward[2][R * C], y[2][R * C], upstream[R * C], dx[2][R * C];
  int8_t labels[R];
  static xent_statistics statistics[2][R];
  for (int i = 0; i < R * C; i++) x[i] = (float)(i * 7 % 11) / 3, upstream[i] = (float)(i % 4);
  for (int r = 0; r < R; r++) labels[r] = (int8_t)(r % C);
  xent_options o = xent_default_options();
  xent_report r = {.size = sizeof r};
  const xent_layout classes = xent_per_class(C, 1, XENT_F32);
  for (int each = 0; each < 2; each++)
    for (int64_t row = 0; row < (each ? R : 1); row++) {
      const xent_range rows = {row, each ? row + 1 : R};
      o.temperature = each ? temperatures[row] : 0;
      const xent_input logits = {x, classes}, targets = {labels, xent_per_row(XENT_I8)};
      const xent_sizes sizes = xent_rows(R, C);
      const xent_cross_entropy_call ce = {.size = sizeof ce, .sizes = sizes, .rows = &rows, .options = &o, .report = &r,
          .logits = logits, .targets = targets, .losses = {losses[each], xent_per_row(XENT_F32)},
          .gradient = {gradient[each], classes}};
      xent_cross_entropy_call saved = ce;
      saved.statistics = statistics[each];
      const xent_cross_entropy_backward_call back = {.size = sizeof back, .sizes = sizes, .rows = &rows, .options = &o,
          .logits = logits, .targets = targets, .gradient = {backward[each], classes}, .statistics = statistics[each]};
      const xent_softmax_call softmax = {.size = sizeof softmax, .sizes = sizes, .rows = &rows, .options = &o,
          .logits = logits, .output = {y[each], classes}};
      const xent_softmax_backward_call of_y = {.size = sizeof of_y, .sizes = sizes, .rows = &rows, .options = &o,
          .output = {y[each], classes}, .upstream = {upstream, classes}, .gradient = {dx[each], classes}};
      if (each) {
        CHECK(!xent_cross_entropy(&ce) && !xent_cross_entropy(&saved) && !xent_cross_entropy_backward(&back));
        CHECK(!xent_softmax(&softmax) && !xent_softmax_backward(&of_y));
        continue;
      }
      CHECK(!xent_with_temperatures(CE, &ce, temperatures) && r.valid_rows == R && r.denominator == R);
      CHECK(!xent_with_temperatures(CE, &saved, temperatures) && r.valid_rows == R);
      CHECK(!xent_with_temperatures(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &back, temperatures));
      CHECK(!xent_with_temperatures(XENT_FUNCTION_SOFTMAX, &softmax, temperatures));
      CHECK(!xent_with_temperatures(XENT_FUNCTION_SOFTMAX_BACKWARD, &of_y, temperatures));
      CHECK(xent_with_temperatures(CE, &ce, NULL) == XENT_INVALID_ARGUMENT);
      CHECK(xent_with_temperatures(0, &ce, temperatures) == XENT_INVALID_ARGUMENT);
      temperatures[4] = -1;
      CHECK(xent_with_temperatures(CE, &ce, temperatures) == XENT_INVALID_OPTION && r.row == 4 && r.value == -1 &&
            r.field == XENT_FIELD_TEMPERATURE);
      temperatures[4] = 0x1p32;
    }
  CHECK(!memcmp(losses[0], losses[1], sizeof losses[0]) && !memcmp(gradient[0], gradient[1], sizeof gradient[0]));
  CHECK(!memcmp(backward[0], backward[1], sizeof backward[0]) && !memcmp(y[0], y[1], sizeof y[0]));
  CHECK(!memcmp(dx[0], dx[1], sizeof dx[0]) && !memcmp(gradient[0], backward[0], sizeof gradient[0]));
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
  CHECK(xent_run_at(&p, 1, logits, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_ARGUMENT);
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
  enum { LOGITS = 1 << 0, TARGETS = 1 << 1, GRADIENT = 1 << 5 };
  CHECK(xent_run_at(&p, LOGITS | TARGETS | GRADIENT, moved, &other_label, again, NULL, NULL, NULL) == XENT_OK &&
        again[4] < 0 && again[1] > 0);
  xent_cross_entropy_call there = c; /* every array is the one at the new address */
  float direct[C];
  there.logits.address = moved;
  there.targets.address = &other_label;
  there.gradient.address = direct;
  CHECK(xent_cross_entropy(&there) == XENT_OK && !memcmp(again, direct, sizeof direct));
  CHECK(xent_run_at(&p, TARGETS, &label, NULL, NULL, NULL, NULL, NULL) == XENT_OK && again[1] < 0);
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
  xent_softmax_call softmax = {.size = sizeof softmax, .sizes = xent_rows(1, C), .report = &r,
                               .logits = {logits, xent_per_class(C, 1, XENT_F32)},
                               .output = {again, xent_per_class(C, 1, XENT_F32)}};
  CHECK(xent_few_at(&p, XENT_FUNCTION_SOFTMAX, &softmax, 0, NULL, NULL, NULL, NULL, NULL, NULL) == XENT_OK &&
        r.path == 0 && xent_run(&p) == XENT_OK && r.path != 0);
  softmax.size = 0;
  CHECK(xent_few_at(&p, XENT_FUNCTION_SOFTMAX, &softmax, 0, NULL, NULL, NULL, NULL, NULL, NULL) == XENT_INVALID_SIZE);
  CHECK(xent_run(&p) == XENT_INVALID_ARGUMENT);
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

/* A list without entries may have some in a later run. */
static void test_list_that_grows(void) {
  float logits[3] = {2, 1.5f, 0};
  int32_t token = -1, output[1] = {0};
  const xent_sampling s = {.size = sizeof s, .greedy = 1, .repetition_penalty = 10};
  xent_report r = {.size = sizeof r};
  xent_prepared p = {.size = sizeof p};
  xent_sample_call c = {.size = sizeof c, .sizes = xent_rows(1, 3), .sampling = &s, .report = &r,
                        .logits = {logits, xent_per_class(3, 1, XENT_F32)}, .tokens = {&token, xent_per_row(XENT_I32)},
                        .output_tokens = {output, xent_per_class(1, 1, XENT_I32)}};
  CHECK(xent_prepare(&p, XENT_FUNCTION_SAMPLE, &c) == XENT_OK && !is_kept(&p) && r.path == 0);
  CHECK(xent_run(&p) == XENT_OK && token == 0);
  c.output_count = 1;
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
  c.top_count = SAMPLED_TOP;
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
  CHECK(xent_run_at(&p, 3, moved, tokens, NULL, NULL, NULL, NULL) == XENT_OK && xent_sample(&there) == XENT_OK);
  CHECK(!memcmp(tokens, direct.tokens, sizeof tokens));
  CHECK(xent_run_at(&p, 3, logits, run.tokens, NULL, NULL, NULL, NULL) == XENT_OK);
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
  c.output_count = 1;
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
  test_impossible_workspaces();
  test_too_many_tokens();
  test_paths_without_rows();
  test_text_without_tokens();
  test_records_behind_opaque_structs();
  test_prepared();
  test_temperatures();
  test_changed_scales();
  test_list_that_grows();
  test_prepared_sampling();
  return all_checks();
}
