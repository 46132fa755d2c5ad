/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes and options for the tests. */
#ifndef XENT_TEST_CALLS_H
#define XENT_TEST_CALLS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/arrays.h"
#include "xent_bindings.h"

static inline xent_layout layout_of(int64_t outer, int64_t classes, int64_t inner, int32_t type) {
  return (xent_layout){.outer = outer, .classes = classes, .inner = inner, .type = type};
}

/* Row-major: logits, output, gradient and upstream F32 with one number per class, losses and log_sum_exp F32 and
 * correct U8 per row, and targets of this type: labels per row, or probability rows for XENT_F32. */
static inline xent_shape dense_shape_of(int64_t outer, int64_t classes, int64_t inner, int32_t targets_type) {
  const xent_layout full = xent_per_class(classes, inner, XENT_F32), row = xent_per_inner(inner, XENT_F32);
  xent_shape s = {.outer = outer, .classes = classes, .inner = inner, .logits = full, .output = full,
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
      .sizes = {.outer = s->outer, .classes = s->classes, .inner = s->inner},
      .target_count = s->target_count, .top_count = s->top_count,
      .rows = &rows, .options = options, .report = report, ARRAY(logits), ARRAY(targets), ARRAY(target_weights),
      ARRAY(row_offsets), ARRAY(class_mask), ARRAY(class_weights), ARRAY(row_weights), ARRAY(sink), ARRAY(losses),
      ARRAY(log_sum_exp), ARRAY(correct), ARRAY(log_probabilities), ARRAY(argmax), ARRAY(ranks), ARRAY(entropies),
      ARRAY(top_classes), ARRAY(top_log_probabilities), ARRAY(gradient), ARRAY(target_gradient),
      .statistics = a->statistics, .exact_sum = a->exact_sum};
#undef ARRAY
  return xent_cross_entropy(&call);
}

/* A call of a function by its number: sizes and layouts of any arrays, and the other members of its struct. */
typedef struct {
  int32_t function, choice; /* per_row or second_round */
  const xent_shape *shape;
  const xent_options *options;
  const xent_sampling *sampling;
  xent_report *report;
  int64_t row_begin, row_end, class_begin, class_end;
  uint64_t workspace_size;
  xent_prepared *prepared; /* or NULL: the call is made */
  int32_t continues;
} function_call;

/* On some rows, or on some classes of them. */
static inline function_call on_classes(int32_t function, const xent_shape *shape, const xent_options *options,
                                       int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
                                       xent_report *report) {
  return (function_call){.function = function,
                         .shape = shape,
                         .options = options,
                         .report = report,
                         .row_begin = row_begin,
                         .row_end = row_end,
                         .class_begin = class_begin,
                         .class_end = class_end};
}
static inline function_call on_rows(int32_t function, const xent_shape *shape, const xent_options *options,
                                    int64_t row_begin, int64_t row_end, xent_report *report) {
  return on_classes(function, shape, options, row_begin, row_end, 0, 0, report);
}

/* The struct of a call, without the addresses of its arrays. */
typedef struct {
  uint64_t words[XENT_LARGEST_STRUCT / sizeof(uint64_t)];
  xent_range rows, classes;
} any_call;
#define ENTRY_OF(number, name) [XENT_FUNCTION_##number] = &xent_of_##name,
static inline const xent_entry *entry_of_call(const function_call *c) {
  static const xent_entry *const entries[] = {XENT_FUNCTIONS(ENTRY_OF)};
  return entries[c->function];
}
static inline void put_word(any_call *call, size_t at, uint64_t word, size_t bytes) {
  memcpy((char *)call->words + at, &word, bytes);
}
static inline void make_struct(const function_call *c, any_call *call) {
  const xent_entry *e = entry_of_call(c);
  memset(call->words, 0, e->size);
  call->rows = (xent_range){c->row_begin, c->row_end};
  call->classes = (xent_range){c->class_begin, c->class_end};
  call->words[0] = e->size;
  memcpy(&call->words[1], &c->shape->outer, sizeof(xent_sizes));
  int at = 1 + (int)(sizeof(xent_sizes) / sizeof(uint64_t));
  call->words[at++] = (uintptr_t)&call->rows;
  if (e->has_classes) call->words[at++] = (uintptr_t)&call->classes;
  call->words[at] = (uintptr_t)c->options;
  put_word(call, e->report, (uintptr_t)c->report, sizeof c->report);
  if (e->choice) put_word(call, e->choice, (uint32_t)c->choice, sizeof c->choice);
  if (e->continues) put_word(call, e->continues, (uint32_t)c->continues, sizeof c->continues);
  if (e->logits_type) put_word(call, e->logits_type, (uint32_t)c->shape->logits.type, sizeof(int32_t));
  for (int i = 0; i < e->count; i++) {
    const xent_place *place = &e->places[i];
    const xent_rule *rule = &xent_rules[place->rule];
    const char *layout = (const char *)c->shape + rule->layout;
    char *to = (char *)call->words + place->at;
    if (xent_is_array(rule)) memcpy(to + offsetof(xent_input, layout), layout, sizeof(xent_layout));
    if (rule->form == XENT_OF_SHAPE) memcpy(to, layout, sizeof(int64_t));
    if (place->rule == XENT_SAMPLING) memcpy(to, &c->sampling, sizeof c->sampling);
    if (place->rule == XENT_WORKSPACE_SIZE) memcpy(to, &c->workspace_size, sizeof c->workspace_size);
  }
}

/* The doors of a library, which is linked or loaded. */
typedef struct {
  __typeof__(xent_few_at) *few;
  __typeof__(xent_many_at) *many;
} doors;

enum { FEW_ARRAYS = 6, MOST_ARRAYS = 32 };
#define ARRAYS(...) \
  (const void *const[MOST_ARRAYS]) { __VA_ARGS__ }

/* The arrays that are there, without gaps; returns the mask of the first `most`. */
static inline uint64_t without_gaps(const void *const *arrays, int most, const void **given) {
  uint64_t mask = 0;
  int count = 0;
  for (int i = 0; i < MOST_ARRAYS; i++) given[i] = NULL;
  for (int i = 0; i < MOST_ARRAYS && count < most; i++) {
    if (!arrays[i]) continue;
    mask |= UINT64_C(1) << i;
    given[count++] = arrays[i];
  }
  return mask;
}

/* Runs it through the first door that its arrays fit through. */
static inline xent_status run_struct(const doors *d, const function_call *c, const any_call *call,
                                     const void *const *arrays) {
  const void *a[MOST_ARRAYS];
  const uint64_t mask = without_gaps(arrays, MOST_ARRAYS, a);
  const int32_t f = c->function;
  const void *const s = call->words;
  if (!a[FEW_ARRAYS]) return d->few(c->prepared, f, s, mask, a[0], a[1], a[2], a[3], a[4], a[5]);
  return d->many(c->prepared, f, s, mask, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11],
                 a[12], a[13], a[14], a[15], a[16], a[17], a[18], a[19], a[20], a[21], a[22], a[23], a[24], a[25],
                 a[26], a[27], a[28], a[29], a[30], a[31]);
}
static inline xent_status run_through(const doors *d, function_call c, const void *const *arrays) {
  static _Thread_local any_call call; /* not on a stack that is measured */
  make_struct(&c, &call);
  return run_struct(d, &c, &call, arrays);
}
/* Runs a prepared call with the first few of its arrays. */
static inline xent_status run_moved(xent_prepared *prepared, const void *const *arrays) {
  const void *a[MOST_ARRAYS];
  const uint64_t mask = without_gaps(arrays, FEW_ARRAYS, a);
  return xent_run_at(prepared, mask, a[0], a[1], a[2], a[3], a[4], a[5]);
}
/* The same of the library that is linked, where calls are made at once and checked first in turns. */
static inline xent_status run_at(function_call w, const void *const *arrays) {
  static _Thread_local unsigned calls;
  static _Thread_local xent_prepared prepared; /* not on a stack that is measured */
  static _Thread_local any_call call;
  const unsigned turn = calls++ % 3;
  const doors linked = {xent_few_at, xent_many_at};
  make_struct(&w, &call);
  if (turn == 0) return run_struct(&linked, &w, &call, arrays);
  prepared.size = sizeof prepared;
  w.prepared = &prepared;
  const xent_status status = run_struct(&linked, &w, &call, arrays);
  if (status) return status;
  return turn == 1 ? xent_run(&prepared) : run_moved(&prepared, arrays);
}

/* The gradient_scale of a factor: +0 is not set. */
static inline double stored_scale(double factor) { return factor == 0 ? -0.0 : factor; }
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
