/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of any type as doubles: an array of doubles without gaps is read and written where it lies, others through a
 * buffer. Prepared logits have been through softcap and mask (a masked class is -inf, which adds +0 to every sum of
 * exponentials), and the shift is off; the temperature is a factor of the exponent.
 */
#ifndef XENT_F64_LOAD_H
#define XENT_F64_LOAD_H

#include "kernels/math/f64_exponential.h"
#include "kernels/records.h"
#include "kernels/targets/loss.h"
#include "kernels/targets/results.h"

XENT_INLINE double f64_quiet(double v) { return v != v ? XENT_F64_NAN : v; }

enum { XENT_PIECE = 1024 }; /* classes that go through a buffer at once; a sum over products is exact within them */

/* For rows of up to so many classes: a short row must not pay for the stack of a long one. */
typedef struct {
  double *row; /* a chunk of prepared logits, then of exponentials */
  double *piece, *terms, *other, *slope;
} f64_buffers;

#define XENT_F64_BUFFERS(b, chunk, part)                                                         \
  XENT_ALIGNED double room_of_##b[(chunk) + 4 * (part)], *end_of_##b = room_of_##b + (chunk);   \
  const f64_buffers b = {room_of_##b, end_of_##b, end_of_##b + (part), end_of_##b + 2 * (part), end_of_##b + 3 * (part)}

/* One row of an array: `at` is where class 0 lies. */
typedef struct {
  void *array;
  int32_t type;
  int64_t at, stride;
} f64_array;

XENT_INLINE f64_array f64_array_of(const xent_call *call, const void *array, const xent_layout *layout, row_span span) {
  return (f64_array){.array = (void *)(uintptr_t)array, .type = layout->type,
                     .at = array ? class_offset(call, layout, span) : 0, .stride = layout->classes};
}

XENT_INLINE bool is_plain_array(const f64_array *a) { return a->type == XENT_F64 && a->stride == 1; }

/* n doubles from class `begin` on. */
XENT_SHARED void f64_copy(const f64_array *a, int64_t begin, int64_t n, double *buffer) {
  const int64_t at = a->at + begin * a->stride;
  if (a->type == XENT_F64)
    for (int64_t i = 0; i < n; i++) buffer[i] = ((const double *)a->array)[at + i * a->stride];
  else if (a->type == XENT_F32)
    for (int64_t i = 0; i < n; i++) buffer[i] = (double)((const float *)a->array)[at + i * a->stride];
  else
    for (int64_t i = 0; i < n; i++) buffer[i] = float_at(a->array, a->type, at + i * a->stride);
}
XENT_INLINE const double *f64_load(const f64_array *a, int64_t begin, int64_t n, double *buffer) {
  if (is_plain_array(a)) return (const double *)a->array + a->at + begin;
  f64_copy(a, begin, n, buffer);
  return buffer;
}

/* Where results from class `begin` on are to be computed: in place, or in the buffer for f64_store. */
XENT_INLINE double *f64_room(const f64_array *a, int64_t begin, double *buffer) {
  return is_plain_array(a) ? (double *)a->array + a->at + begin : buffer;
}
XENT_SHARED void f64_scatter(const f64_array *a, int64_t begin, int64_t n, const double *values) {
  const int64_t at = a->at + begin * a->stride;
  if (a->type == XENT_F32) /* a NaN is the canonical one already */
    for (int64_t i = 0; i < n; i++) ((float *)a->array)[at + i * a->stride] = (float)values[i];
  else
    for (int64_t i = 0; i < n; i++) put_number(a->array, a->type, at + i * a->stride, values[i]);
}
XENT_INLINE void f64_store(const f64_array *a, int64_t begin, int64_t n, const double *values) {
  if (!is_plain_array(a)) f64_scatter(a, begin, n, values);
}
XENT_SHARED void f64_fill(const f64_array *a, int64_t begin, int64_t end, double value) {
  for (int64_t i = begin; i < end; i++) put_number(a->array, a->type, a->at + i * a->stride, value);
}

/* The logits of a row. */
typedef struct {
  f64_array x;
  const uint8_t *mask; /* of class 0; NULL: every class takes part */
  int64_t mask_stride, classes;
  double softcap;      /* 0: none */
} f64_logits;

XENT_INLINE f64_logits f64_logits_of(const xent_call *call, const void *logits, const xent_layout *layout,
                                     row_span span) {
  const xent_layout *mask = &call->shape->class_mask;
  const uint8_t *array = call->class_mask;
  return (f64_logits){.x = f64_array_of(call, logits, layout, span),
                      .mask = array ? array + class_offset(call, mask, span) : NULL,
                      .mask_stride = mask->classes, .classes = span.classes, .softcap = call->options->softcap};
}

XENT_INLINE bool f64_takes_part(const f64_logits *in, int64_t class) {
  return !in->mask || in->mask[class * in->mask_stride];
}
XENT_SHARED int64_t f64_count(const f64_logits *in, int64_t begin, int64_t n) {
  if (!in->mask) return n;
  int64_t count = 0;
  for (int64_t i = begin; i < begin + n; i++) count += f64_takes_part(in, i);
  return count;
}
/* Masked classes of a piece become `value`. */
XENT_INLINE void f64_mask(const f64_logits *in, int64_t begin, int64_t n, double *piece, double value) {
  if (!in->mask) return;
  for (int64_t i = 0; i < n; i++) piece[i] = f64_takes_part(in, begin + i) ? piece[i] : value;
}

/* n prepared logits. slope, where it is asked for: the softcap's derivative. */
XENT_SHARED const double *f64_stage(const f64_logits *in, int64_t begin, int64_t n, double shift, double *buffer,
                                    double *slope) {
  const double *x = f64_load(&in->x, begin, n, buffer);
  const doubles cap = doubles_set(in->softcap), per_cap = doubles_set(1 / in->softcap);
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) {
    doubles v = doubles_load_part(x + i, n - i, 0);
    if (in->softcap != 0) {
      const doubles t = f64_tanh(doubles_mul(v, per_cap));
      const doubles minus_t = doubles_sub(doubles_set(-0.0), t);
      if (slope) doubles_store_part(slope + i, n - i, doubles_fma(minus_t, t, doubles_set(1)));
      v = doubles_mul(t, cap);
    }
    doubles_store_part(buffer + i, n - i, doubles_sub(v, doubles_set(shift)));
  }
  f64_mask(in, begin, n, buffer, -INFINITY);
  return buffer;
}
XENT_INLINE const double *f64_prepared(const f64_logits *in, int64_t begin, int64_t n, double shift, double *buffer,
                                       double *slope) {
  if (in->mask || in->softcap != 0 || shift != 0) return f64_stage(in, begin, n, shift, buffer, slope);
  return f64_load(&in->x, begin, n, buffer);
}
XENT_INLINE double f64_prepared_one(const f64_logits *in, int64_t class, double shift) {
  double room;
  return *f64_prepared(in, class, 1, shift, &room, NULL);
}

XENT_INLINE int64_t f64_part(int64_t begin, int64_t end, int64_t most) {
  return end - begin < most ? end - begin : most;
}

/* A row: its logits and what its targets are. Made once per call and moved from row to row. */
typedef struct {
  const xent_call *call;
  row_span span;
  f64_logits logits;
  row_targets t;
  f64_temperature temperature;
  int64_t first, label; /* the class that the arrays begin with; the label as they count */
  f64_array q;          /* of a dense row */
  f64_array output;     /* of results per class; its array is NULL where there are none */
  double share;         /* of a dense or sparse row: what smoothing gives each class */
  uint32_t digest;
} f64_row;

/* What is the same for all rows of a call. */
XENT_INLINE f64_row f64_rows_of(const xent_call *call) {
  const row_span none = {0, 0, call->shape->classes};
  f64_row r = {.call = call, .span = none, .t = targets_of_call(call),
               .temperature = f64_temperature_of(call->options->temperature),
               .first = call->shape->first_class, .label = XENT_NO_CLASS, .digest = call->digest};
  r.logits = f64_logits_of(call, call->logits, &call->shape->logits, none);
  if (call->output) r.output = f64_array_of(call, call->output, call->output_layout, none);
  return r;
}

XENT_INLINE xent_status f64_move_to(f64_row *r, int64_t row) {
  const xent_call *call = r->call;
  r->span.row = row;
  if (call->row_offsets) r->span = span_of_row(call, row);
  r->logits.classes = r->span.classes;
  r->logits.x.at = class_offset(call, &call->shape->logits, r->span);
  const uint8_t *mask = call->class_mask;
  if (mask) r->logits.mask = mask + class_offset(call, &call->shape->class_mask, r->span);
  if (call->output) r->output.at = class_offset(call, call->output_layout, r->span);
  if (r->t.kind == XENT_KIND_SOFTMAX && !call->row_weights) return XENT_OK;
  xent_status status = targets_of_row(call, r->span, &r->t);
  r->label = r->t.label == XENT_NO_CLASS ? XENT_NO_CLASS : r->t.label - r->first;
  if (r->t.kind != XENT_KIND_PROBABILITIES) return status;
  if (!status) status = check_sparse_row(call, r->span, &r->t);
  if (!r->t.sparse) r->q = f64_array_of(call, call->targets, &call->shape->targets, r->span);
  if (r->t.eps > 0)
    r->share = even_share(&r->t, mask ? f64_count(&r->logits, 0, r->span.classes) : all_classes_of_row(call, r->span));
  return status;
}

#endif
