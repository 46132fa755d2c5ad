/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Float16 and bfloat16 in rows of few classes, which are computed side by side, and in rows of several chunks, which go
 * straight from 16 bits to 16 bits: every bit is that of the call on the same numbers as float32, rounded once. Rows of
 * every kind, gaps between rows, types mixed, in place, ignored and wrong labels.
 */
#include "arrays.h"
#include "tiers.h"

enum { MOST_ROWS = 700 };

static random_source source = {17};
static int64_t compared, calls;

typedef struct {
  array logits, output, losses, lse; /* as they are, and in float32 */
  array logits32, output32, losses32, lse32;
  int64_t rows, classes;
  int32_t isa;
  array targets, correct; /* of any type of labels, and with places between the rows */
  int64_t labels[MOST_ROWS];
  uint8_t hits32[MOST_ROWS];
} problem;

static void compare(const problem *p, const char *what, const array *got, const array *expected, int64_t rows,
                    int64_t entries) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t k = 0; k < entries; k++, compared++)
      if (!has_bits_of(got, row * got->layout.outer + k, get_number(expected, row * expected->layout.outer + k))) {
        fprintf(stderr, "%s, isa %d, %lld rows of %lld classes, types %d to %d: row %lld, number %lld differs\n", what,
                p->isa, (long long)p->rows, (long long)p->classes, p->logits.layout.type, got->layout.type,
                (long long)row, (long long)k);
        exit(1);
      }
}

/* A type that can represent the number of classes, which is an invalid label. */
static int32_t any_label_type(int64_t classes) {
  static const int32_t types[] = {XENT_I64, XENT_I32, XENT_I16, XENT_I8};
  return types[random_below(&source, classes > INT8_MAX ? 3 : 4)];
}

static int32_t any_type(void) {
  static const int32_t types[] = {XENT_BF16, XENT_F16, XENT_F32};
  return types[random_below(&source, 3)];
}

/* Numbers of a row: of every size, and where `kind` is 0 also NaN and infinite. */
static double any_number(int64_t kind) {
  const double v = (double)random_normal(&source) * (kind % 3 == 1 ? 1e3 : 4);
  const int64_t rare = random_below(&source, 30);
  if (kind == 0) return rare == 0 ? (double)NAN : rare == 1 ? INFINITY : rare < 5 ? -INFINITY : v;
  return kind == 2 ? -INFINITY : kind == 4 ? (rare < 9 ? -INFINITY : 3) : kind == 5 ? v * 30 : v;
}

static void make(problem *p, int32_t type, int64_t gap) {
  const int64_t step = p->classes + gap, all = p->rows * step;
  p->logits = new_array(all, (xent_layout){step, 1, 1, type, 0});
  p->logits32 = new_array(all, (xent_layout){step, 1, 1, XENT_F32, 0});
  for (int64_t row = 0; row < p->rows; row++) {
    const int64_t kind = random_below(&source, 40);
    for (int64_t k = 0; k < step; k++) set_number(&p->logits, row * step + k, any_number(kind));
  }
  for (int64_t i = 0; i < all; i++) set_number(&p->logits32, i, get_number(&p->logits, i));
  const int64_t of_output = p->classes + random_below(&source, 2) * 3;
  p->output = new_array(p->rows * of_output, (xent_layout){of_output, 1, 1, any_type(), 0});
  p->output32 = new_array(p->rows * p->classes, (xent_layout){p->classes, 1, 1, XENT_F32, 0});
  p->losses = new_array(p->rows * 2, (xent_layout){2, 0, 1, any_type(), 0});
  p->losses32 = new_array(p->rows, (xent_layout){1, 0, 1, XENT_F32, 0});
  p->lse = new_array(p->rows, (xent_layout){1, 0, 1, any_type(), 0});
  p->lse32 = new_array(p->rows, (xent_layout){1, 0, 1, XENT_F32, 0});
  for (int64_t row = 0; row < p->rows; row++)
    p->labels[row] = random_below(&source, 9) ? random_below(&source, p->classes) : -100;
  const int64_t apart = 1 + random_below(&source, 3);
  p->targets = new_array(p->rows * apart, (xent_layout){apart, 0, 1, any_label_type(p->classes), 0});
  p->correct = new_array(p->rows * apart, (xent_layout){apart, 0, 1, XENT_U8, 0});
}

static void free_all(problem *p) {
  array *const all[] = {&p->logits, &p->output, &p->losses, &p->lse, &p->targets, &p->correct,
                        &p->logits32, &p->output32, &p->losses32, &p->lse32};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free_array(all[i]);
}

static xent_shape shape_of(const problem *p, bool narrow) {
  xent_shape s = dense_shape_of(p->rows, p->classes, 1, XENT_I64);
  s.logits = narrow ? p->logits.layout : p->logits32.layout;
  s.output = s.gradient = narrow ? p->output.layout : p->output32.layout;
  s.losses = narrow ? p->losses.layout : p->losses32.layout;
  s.log_sum_exp = narrow ? p->lse.layout : p->lse32.layout;
  if (narrow) {
    s.targets = p->targets.layout;
    s.correct = p->correct.layout;
  }
  return s;
}

static xent_options options_of(const problem *p) {
  xent_options o = xent_default_options();
  o.isa = p->isa;
  o.has_ignore_index = 1;
  o.ignore_index = -100;
  o.gradient_scale = 1.0 / (double)p->rows;
  o.fully_masked = p->rows % 2 ? XENT_FULLY_MASKED_ZERO : XENT_FULLY_MASKED_NAN;
  return o;
}

static void softmax(problem *p, bool log) {
  const xent_shape s = shape_of(p, true), s32 = shape_of(p, false);
  const xent_options o = options_of(p);
  const int32_t function = log ? XENT_FUNCTION_LOG_SOFTMAX : XENT_FUNCTION_SOFTMAX;
  must(run_at(on_classes(function, &s, &o, 0, p->rows, 0, p->classes, NULL), ARRAYS(p->logits.data, p->output.data)),
       "softmax");
  must(run_at(on_classes(function, &s32, &o, 0, p->rows, 0, p->classes, NULL),
              ARRAYS(p->logits32.data, p->output32.data)),
       "float32");
  compare(p, log ? "log-softmax" : "softmax", &p->output, &p->output32, p->rows, p->classes);
  must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &s, &o, 0, p->rows, NULL), ARRAYS(p->logits.data, p->lse.data)),
       "log-sum-exp");
  must(run_at(on_rows(XENT_FUNCTION_LOG_SUM_EXP, &s32, &o, 0, p->rows, NULL), ARRAYS(p->logits32.data, p->lse32.data)),
       "float32");
  compare(p, "log-sum-exp", &p->lse, &p->lse32, p->rows, 1);
}

/* From the results in p->output; the gradient goes to a separate array, or over the results. */
static void softmax_backward(problem *p, bool log) {
  const xent_layout l = p->output.layout, l32 = p->output32.layout;
  const xent_options o = options_of(p);
  array g = new_array(p->rows * l.outer, l), g32 = new_array(p->rows * l32.outer, l32);
  array dx = new_array(p->rows * l.outer, l), dx32 = new_array(p->rows * l32.outer, l32);
  xent_shape s = dense_shape_of(p->rows, p->classes, 1, XENT_I64), s32 = s;
  s.output = s.upstream = s.gradient = l;
  s32.output = s32.upstream = s32.gradient = l32;
  for (int64_t row = 0; row < p->rows; row++)
    for (int64_t k = 0; k < p->classes; k++) {
      set_number(&g, row * l.outer + k, any_number(3));
      set_number(&g32, row * l32.outer + k, get_number(&g, row * l.outer + k));
      set_number(&p->output32, row * l32.outer + k, get_number(&p->output, row * l.outer + k));
    }
  const bool over = random_below(&source, 2);
  must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX_BACKWARD : XENT_FUNCTION_SOFTMAX_BACKWARD, &s, &o, 0, p->rows,
                         0, p->classes, NULL),
              ARRAYS(p->output.data, g.data, over ? p->output.data : dx.data)),
       "backward");
  must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX_BACKWARD : XENT_FUNCTION_SOFTMAX_BACKWARD, &s32, &o, 0,
                         p->rows, 0, p->classes, NULL),
              ARRAYS(p->output32.data, g32.data, dx32.data)),
       "float32");
  compare(p, log ? "log-softmax backward" : "softmax backward", over ? &p->output : &dx, &dx32, p->rows, p->classes);
  free_array(&g), free_array(&g32), free_array(&dx), free_array(&dx32);
}

/* Those of float32 in the rows from `begin` up to `end`, and nothing in any other place. */
static bool has_hits(const problem *p, int64_t begin, int64_t end) {
  const int64_t apart = p->correct.layout.outer;
  for (int64_t i = 0; i < (int64_t)p->correct.bytes; i++) {
    const int64_t row = i / apart;
    const bool written = i % apart == 0 && row >= begin && row < end;
    if (p->correct.data[i] != (written ? p->hits32[row] : 7)) return false;
  }
  return true;
}

/* wrong: a row whose label is not a class, or -1; in_place: the gradient goes over the logits. */
static void cross_entropy(problem *p, int64_t begin, int64_t wrong, bool in_place) {
  xent_shape s = shape_of(p, true);
  const xent_shape s32 = shape_of(p, false);
  const xent_options o = options_of(p);
  xent_report report = {.size = sizeof report}, report32 = report;
  xent_exact_sum sum = xent_empty_exact_sum(), sum32 = sum;
  if (wrong >= 0) p->labels[wrong] = p->classes;
  if (in_place) s.gradient = s.logits;
  for (int64_t row = 0; row < p->rows; row++)
    set_number(&p->targets, row * p->targets.layout.outer, (double)p->labels[row]);
  memset(p->correct.data, 7, p->correct.bytes);
  memset(p->hits32, 7, sizeof p->hits32);
  void *gradient = in_place ? p->logits.data : p->output.data;
  const xent_status status = cross_entropy_of(&s, &o, begin, p->rows, &(cross_entropy_arrays){
                                              .logits = p->logits.data, .targets = p->targets.data,
                                              .losses = p->losses.data, .log_sum_exp = p->lse.data,
                                              .correct = p->correct.data, .gradient = gradient, .exact_sum = &sum},
                                                  &report);
  const xent_status status32 = cross_entropy_of(&s32, &o, begin, p->rows, &(cross_entropy_arrays){
                                                .logits = p->logits32.data, .targets = p->labels,
                                                .losses = p->losses32.data, .log_sum_exp = p->lse32.data,
                                                .correct = p->hits32, .gradient = p->output32.data,
                                                    .exact_sum = &sum32},
                                                &report32);
  const int64_t end = wrong < 0 ? p->rows : wrong;
  if (status != status32 || report.row != report32.row || report.label != report32.label ||
      (wrong >= 0 && report.row != wrong) || (wrong < 0 && report.valid_rows != report32.valid_rows) ||
      memcmp(&sum, &sum32, sizeof sum) || !has_hits(p, begin, end)) {
    fprintf(stderr,
            "%lld rows of %lld classes: status %d, row %lld, counted %lld, or the correct or the sum are not those of "
            "float32\n",
            (long long)p->rows, (long long)p->classes, status, (long long)report.row, (long long)report.valid_rows);
    exit(1);
  }
  if (begin > 0) return; /* rows before were not written */
  compare(p, "gradient", in_place ? &p->logits : &p->output, &p->output32, end, p->classes);
  compare(p, "losses", &p->losses, &p->losses32, end, 1);
  compare(p, "log-sum-exps", &p->lse, &p->lse32, end, 1);
}

static void run(problem *p, int64_t classes, int64_t rows) {
  p->classes = classes;
  p->rows = rows;
  make(p, random_below(&source, 5) ? (random_below(&source, 2) ? XENT_BF16 : XENT_F16) : XENT_F32,
       random_below(&source, 2) * random_below(&source, 5));
  const bool log = random_below(&source, 2);
  softmax(p, log);
  softmax_backward(p, log);
  cross_entropy(p, 0, -1, false);
  cross_entropy(p, random_below(&source, p->rows), -1, false);
  cross_entropy(p, 0, random_below(&source, 2) ? random_below(&source, p->rows) : -1, random_below(&source, 2));
  free_all(p);
  calls += 6;
}

int main(void) {
  static const int64_t sizes[] = {2, 3, 5, 10, 15, 16, 17, 31, 64, 100, 127, 128, 129, 255, 256, 257, 300},
                       counts[] = {1, 2, 5, 15, 16, 17, 33, 100, 530, MOST_ROWS},
                       long_rows[] = {8193, 9001, 16384, 20000};
  static problem p;
  for (p.isa = next_tier(XENT_ISA_BEST); p.isa; p.isa = next_tier(p.isa))
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) run(&p, sizes[i], counts[k]);
  for (p.isa = next_tier(XENT_ISA_BEST); p.isa; p.isa = next_tier(p.isa))
    for (int i = 0; i < 30; i++) run(&p, long_rows[i % 4], 1 + i % 3);
  printf("%lld calls on 16-bit rows, %lld values are those of float32, rounded\n", (long long)calls,
         (long long)compared);
  return 0;
}
