/* SPDX-License-Identifier: Apache-2.0 */
/*
 * General calls touch no byte outside an array: every array of every type ends (then begins) at a page that must not be
 * touched, and what lies beside a written one in its page keeps its value.
 */
#include "guarded.h"

#include "arrays.h"
#include "tiers.h"

enum {
  LOGITS,
  TARGETS,
  TARGET_WEIGHTS,
  OFFSETS,
  MASK,
  WEIGHTS,
  ROW_WEIGHTS,
  SINK,
  UPSTREAM,
  LOSSES,
  LSE,
  CORRECT,
  LOG_PROBABILITIES,
  ARGMAX,
  RANKS,
  ENTROPIES,
  TOP,
  TOP_VALUES,
  GRADIENT,
  TARGET_GRADIENT,
  OUTPUT,
  ARRAYS
};

static guarded pages[ARRAYS];
static array arrays[ARRAYS];
static random_source source = {11};

static int32_t float_type(void) {
  static const int32_t types[] = {XENT_F32, XENT_BF16, XENT_F16};
  return types[random_below(&source, 3)];
}

/* `rows` times `entries` numbers, row by row. */
static void make(int which, int64_t rows, int64_t entries, int32_t type, bool at_end) {
  array *a = &arrays[which];
  a->layout = (xent_layout){.outer = entries, .classes = 1, .inner = 1, .type = type};
  a->bytes = (size_t)(rows * entries) * size_of_type(type);
  a->data = place(&pages[which], a->bytes, at_end);
}

static void make_floats(int which, int64_t rows, int64_t entries, bool at_end) {
  make(which, rows, entries, float_type(), at_end);
  for (int64_t i = 0; i < rows * entries; i++) set_number(&arrays[which], i, fabs((double)random_normal(&source)));
}

static void check_all(const char *what, int64_t n) {
  for (int i = 0; i < ARRAYS; i++) check_rest(&pages[i], what, n);
}

/* kind 0: labels, 1: probability rows, 2: sparse rows. */
static void run(int64_t rows, int64_t n, int kind, bool ragged, int32_t isa, bool at_end) {
  const bool labels = kind == 0, sparse = kind == 2;
  const int64_t count = sparse ? 3 : 0, top = n < 4 ? n : 4, all = rows * n;
  xent_options o = xent_default_options();
  o.isa = isa;
  o.label_smoothing = (double)random_below(&source, 2) * 0.1;
  o.z_loss = (double)random_below(&source, 2) * 1e-3;
  o.softcap = (double)random_below(&source, 2) * 20;
  o.temperature = (double)random_below(&source, 2) * 2;
  make_floats(LOGITS, rows, n, at_end);
  make_floats(UPSTREAM, rows, 1, at_end);
  make_floats(ROW_WEIGHTS, rows, 1, at_end);
  make_floats(SINK, rows, 1, at_end);
  make_floats(WEIGHTS, 1, n, at_end);
  make(MASK, rows, n, XENT_U8, at_end);
  for (int64_t i = 0; i < all; i++) set_number(&arrays[MASK], i, i % n == 0 || i % 5);
  make(OFFSETS, rows + 1, 1, XENT_I32, at_end);
  for (int64_t i = 0; i <= rows; i++) set_number(&arrays[OFFSETS], i, (double)(i * n));
  if (kind == 1) {
    make_floats(TARGETS, rows, n, at_end);
  } else {
    make(TARGETS, rows, sparse ? count : 1, XENT_I16, at_end);
    for (int64_t i = 0; i < rows * (sparse ? count : 1); i++) set_number(&arrays[TARGETS], i, 0);
  }
  make_floats(TARGET_WEIGHTS, rows, count, at_end);
  static const int per_row[] = {LOSSES, LSE, LOG_PROBABILITIES, ENTROPIES};
  for (size_t i = 0; i < sizeof per_row / sizeof *per_row; i++) make(per_row[i], rows, 1, float_type(), at_end);
  make(CORRECT, rows, 1, XENT_U8, at_end);
  make(ARGMAX, rows, 1, XENT_I64, at_end);
  make(RANKS, rows, 1, XENT_I32, at_end);
  make(TOP, rows, top, XENT_I32, at_end);
  make(TOP_VALUES, rows, top, float_type(), at_end);
  make(GRADIENT, rows, n, float_type(), at_end);
  make(OUTPUT, rows, n, float_type(), at_end);
  make(TARGET_GRADIENT, rows, sparse ? count : n, float_type(), at_end);
  const xent_shape s = {.size = sizeof s,
                        .outer = rows,
                        .classes = n,
                        .inner = 1,
                        .target_count = count,
                        .top_count = top,
                        .logits = arrays[LOGITS].layout,
                        .output = arrays[OUTPUT].layout,
                        .gradient = arrays[GRADIENT].layout,
                        .upstream = arrays[UPSTREAM].layout,
                        .targets = arrays[TARGETS].layout,
                        .losses = arrays[LOSSES].layout,
                        .log_sum_exp = arrays[LSE].layout,
                        .correct = arrays[CORRECT].layout,
                        .target_weights = arrays[TARGET_WEIGHTS].layout,
                        .row_offsets = arrays[OFFSETS].layout,
                        .class_mask = arrays[MASK].layout,
                        .class_weights = arrays[WEIGHTS].layout,
                        .row_weights = arrays[ROW_WEIGHTS].layout,
                        .sink = arrays[SINK].layout,
                        .log_probabilities = arrays[LOG_PROBABILITIES].layout,
                        .argmax = arrays[ARGMAX].layout,
                        .ranks = arrays[RANKS].layout,
                        .entropies = arrays[ENTROPIES].layout,
                        .top_classes = arrays[TOP].layout,
                        .top_log_probabilities = arrays[TOP_VALUES].layout,
                        .target_gradient = arrays[TARGET_GRADIENT].layout};
  const void *offsets = ragged ? arrays[OFFSETS].data : NULL;
  const void *weights = sparse ? arrays[TARGET_WEIGHTS].data : NULL;
  const bool few = random_below(&source, 2); /* without mask, weights and sink the widened row goes other ways */
  const void *mask = few ? NULL : arrays[MASK].data, *class_weights = few ? NULL : arrays[WEIGHTS].data;
  const void *sink = few ? NULL : arrays[SINK].data;
  static xent_statistics statistics[8];
  const cross_entropy_arrays a = {
      .logits = arrays[LOGITS].data, .targets = arrays[TARGETS].data, .target_weights = weights, .row_offsets = offsets,
      .class_mask = mask, .class_weights = class_weights, .row_weights = arrays[ROW_WEIGHTS].data, .sink = sink,
      .losses = arrays[LOSSES].data, .log_sum_exp = arrays[LSE].data, .correct = labels ? arrays[CORRECT].data : NULL,
      .log_probabilities = labels ? arrays[LOG_PROBABILITIES].data : NULL, .argmax = arrays[ARGMAX].data,
      .ranks = labels ? arrays[RANKS].data : NULL, .entropies = arrays[ENTROPIES].data, .top_classes = arrays[TOP].data,
      .top_log_probabilities = arrays[TOP_VALUES].data, .gradient = arrays[GRADIENT].data,
      .target_gradient = labels ? NULL : arrays[TARGET_GRADIENT].data, .statistics = statistics};
  must(cross_entropy_of(&s, &o, 0, rows, &a, NULL), "cross-entropy");
  check_all("cross-entropy", n);
  must(run_at(on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, &s, &o, 0, rows, 0, n, NULL),
              ARRAYS(a.logits, a.targets, arrays[UPSTREAM].data, a.gradient, weights, mask, class_weights,
                     a.row_weights, offsets, statistics)),
       "backward");
  check_all("backward", n);
  for (int log = 0; log < 2; log++) {
    must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX : XENT_FUNCTION_SOFTMAX, &s, &o, 0, rows, 0, n, NULL),
                ARRAYS(a.logits, arrays[OUTPUT].data, mask, sink, offsets)),
         "softmax");
    check_all("softmax", n);
    xent_options plain = o;
    plain.softcap = 0;
    xent_shape back = s;
    back.upstream = s.logits;
    must(run_at(on_classes(log ? XENT_FUNCTION_LOG_SOFTMAX_BACKWARD : XENT_FUNCTION_SOFTMAX_BACKWARD, &back, &plain, 0,
                           rows, 0, n, NULL),
                ARRAYS(arrays[OUTPUT].data, a.logits, arrays[GRADIENT].data, mask, offsets)),
         "softmax backward");
    check_all("softmax backward", n);
  }
}

int main(void) {
  for (int i = 0; i < ARRAYS; i++) pages[i] = guard();
  int64_t calls = 0;
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
    for (int at_end = 0; at_end < 2; at_end++)
      for (int kind = 0; kind < 3; kind++)
        for (int64_t n = 1; n <= 9000; n += n < 70 ? 1 : n < 1200 ? 97 : 3500)
          for (int ragged = 0; ragged < 2; ragged++, calls++) run(n > 1200 ? 1 : 3, n, kind, ragged, isa, at_end);
  printf("%lld shapes between guard pages: nothing outside an array was touched\n", (long long)calls);
  return 0;
}
