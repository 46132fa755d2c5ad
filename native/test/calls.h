/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes and options for the tests. */
#ifndef XENT_TEST_CALLS_H
#define XENT_TEST_CALLS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xent.h"

static inline xent_layout layout_of(int64_t outer, int64_t classes, int64_t inner, int32_t type) {
  return (xent_layout){.outer = outer, .classes = classes, .inner = inner, .type = type};
}

/* Row-major: logits, output, gradient and upstream F32 with one number per class, losses and log_sum_exp F32 and
 * correct U8 per row, and targets of this type: labels per row, or probability rows for XENT_F32. */
static inline xent_shape dense_shape_of(int64_t outer, int64_t classes, int64_t inner, int32_t targets_type) {
  const xent_layout full = xent_per_class(classes, inner, XENT_F32), row = xent_per_inner(inner, XENT_F32);
  xent_shape s = {.size = sizeof s, .outer = outer, .classes = classes, .inner = inner, .logits = full, .output = full,
                  .gradient = full, .upstream = full, .targets = targets_type == XENT_F32 ? full : row, .losses = row,
                  .log_sum_exp = row, .correct = xent_per_inner(inner, XENT_U8)};
  s.targets.type = targets_type;
  return s;
}

/* With labels of 64 bits. */
static inline xent_shape dense_shape(int64_t outer, int64_t classes, int64_t inner) {
  return dense_shape_of(outer, classes, inner, XENT_I64);
}

/* The arrays of a cross-entropy, whose layouts are those of a shape. */
typedef struct {
  const void *logits, *targets, *target_weights, *row_offsets, *class_mask, *class_weights, *row_weights, *sink;
  void *losses, *log_sum_exp, *correct, *log_probabilities, *argmax, *ranks, *entropies, *top_classes,
      *top_log_probabilities, *gradient, *target_gradient;
  xent_statistics *statistics;
  xent_exact_sum *exact_sum;
} cross_entropy_arrays;

static inline xent_status cross_entropy_of(const xent_shape *s, const xent_options *options, int64_t row_begin,
                                           int64_t row_end, const cross_entropy_arrays *a, xent_report *report) {
#define ARRAY(name) .name = {a->name, s->name}
  const xent_range rows = {row_begin, row_end};
  const xent_cross_entropy_call call = {
      .size = sizeof call,
      .sizes = {.outer = s->outer, .classes = s->classes, .inner = s->inner, .target_count = s->target_count,
                .top_count = s->top_count, .first_class = s->first_class, .all_classes = s->all_classes},
      .rows = &rows, .options = options, .report = report, ARRAY(logits), ARRAY(targets), ARRAY(target_weights),
      ARRAY(row_offsets), ARRAY(class_mask), ARRAY(class_weights), ARRAY(row_weights), ARRAY(sink), ARRAY(losses),
      ARRAY(log_sum_exp), ARRAY(correct), ARRAY(log_probabilities), ARRAY(argmax), ARRAY(ranks), ARRAY(entropies),
      ARRAY(top_classes), ARRAY(top_log_probabilities), ARRAY(gradient), ARRAY(target_gradient),
      .statistics = a->statistics, .exact_sum = a->exact_sum};
#undef ARRAY
  return xent_cross_entropy(&call);
}

/* A call of a function by its number, on some rows, or on some classes of them. */
static inline xent_work on_classes(int32_t function, const xent_shape *shape, const xent_options *options,
                                   int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
                                   xent_report *report) {
  return (xent_work){.function = function,
                     .shape = shape,
                     .options = options,
                     .report = report,
                     .row_begin = row_begin,
                     .row_end = row_end,
                     .class_begin = class_begin,
                     .class_end = class_end};
}
static inline xent_work on_rows(int32_t function, const xent_shape *shape, const xent_options *options,
                                int64_t row_begin, int64_t row_end, xent_report *report) {
  return on_classes(function, shape, options, row_begin, row_end, 0, 0, report);
}

/* The doors of a library, which is linked or loaded. */
typedef struct {
  __typeof__(xent_few_at) *few;
  __typeof__(xent_many_at) *many;
} doors;

/* Runs it through the first door that its arrays fit through. */
enum { FEW_ARRAYS = 6, MOST_ARRAYS = 32 };
#define ARRAYS(...) \
  (const void *const[MOST_ARRAYS]) { __VA_ARGS__ }
static inline xent_status run_through(const doors *d, xent_work w, const void *const *a) {
  bool few = true;
  for (int i = FEW_ARRAYS; i < MOST_ARRAYS; i++) few &= !a[i];
  w.size = sizeof w;
  if (few) return d->few(&w, a[0], a[1], a[2], a[3], a[4], a[5]);
  return d->many(&w, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14],
                 a[15], a[16], a[17], a[18], a[19], a[20], a[21], a[22], a[23], a[24], a[25], a[26], a[27], a[28],
                 a[29], a[30], a[31]);
}
/* The same of the library that is linked, where calls are made at once and checked first in turns. */
static inline xent_status run_at(xent_work w, const void *const *arrays) {
  static _Thread_local unsigned calls;
  static _Thread_local xent_prepared prepared; /* not on a stack that is measured */
  const unsigned turn = calls++ % 3;
  const doors linked = {xent_few_at, xent_many_at};
  if (turn == 0) return run_through(&linked, w, arrays);
  prepared.size = sizeof prepared;
  w.prepared = &prepared;
  const xent_status status = run_through(&linked, w, arrays);
  if (status) return status;
  if (turn == 1) return xent_run(&prepared);
  return xent_run_at(&prepared, arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], arrays[5]);
}

/* The factor that gradient_scale stands for. */
static inline double scale_of(const xent_options *o) {
  const double unset = 0;
  return memcmp(&o->gradient_scale, &unset, sizeof unset) ? o->gradient_scale + 0.0 : 1;
}

static inline void *must_allocate(size_t bytes) {
#if defined(_WIN32) /* which has no aligned_alloc whose memory free takes */
  void *p = malloc(bytes + 64);
#else
  void *p = aligned_alloc(64, (bytes + 127) / 64 * 64);
#endif
  if (!p) {
    fprintf(stderr, "out of memory\n");
    exit(2);
  }
  return p;
}

static inline void must(xent_status status, const char *what) {
  if (!status) return;
  fprintf(stderr, "%s: %s\n", what, xent_status_message(status));
  exit(1);
}

#endif
