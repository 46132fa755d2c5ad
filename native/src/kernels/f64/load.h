/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of any type as doubles: an array of doubles without gaps is read and written in place, others through a buffer.
 * Prepared logits have softcap and mask applied (a masked class is -inf, which adds +0 to every sum of exponentials),
 * and the shift subtracted. The temperature is a factor of the exponent.
 */
#ifndef XENT_F64_LOAD_H
#define XENT_F64_LOAD_H

#include "kernels/math/f64_exponential.h"
#include "kernels/records.h"
#include "kernels/targets/loss.h"
#include "kernels/targets/results.h"

XENT_INLINE int64_t f64_part(int64_t begin, int64_t end, int64_t most) {
  return end - begin < most ? end - begin : most;
}

XENT_INLINE double f64_quiet(double v) { return v != v ? XENT_F64_NAN : v; }

enum { XENT_PIECE = 1024 }; /* classes per pass through a buffer; a sum over products is exact within them */

/* The second pass of every class: v factor + addend. */
XENT_INLINE doubles f64_line(doubles v, doubles factor, doubles addend) { return doubles_fma(v, factor, addend); }

/* One row of an array: `at` is the index of class 0. */
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

/* Copies n numbers from class `begin` on to the buffer. */
XENT_SHARED void f64_copy(const f64_array *a, int64_t begin, int64_t n, double *buffer) {
  const int64_t at = a->at + begin * a->stride;
  if (a->type == XENT_F32 && a->stride == 1)
    for (int64_t i = 0; i < n; i++) buffer[i] = (double)((const float *)a->array)[at + i];
  else if (a->type == XENT_F64)
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

/* The place for results from class `begin` on: the array, or the buffer for f64_store. */
XENT_INLINE double *f64_room(const f64_array *a, int64_t begin, double *buffer) {
  return is_plain_array(a) ? (double *)a->array + a->at + begin : buffer;
}
XENT_SHARED void f64_scatter(const f64_array *a, int64_t begin, int64_t n, const double *values) {
  const int64_t at = a->at + begin * a->stride;
  if (a->type == XENT_F32 && a->stride == 1) /* NaN is already canonical */
    for (int64_t i = 0; i < n; i++) ((float *)a->array)[at + i] = (float)values[i];
  else if (a->type == XENT_F32)
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
  const uint8_t *mask; /* at class 0; NULL: no class is masked */
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
/* Numbers from class i on, of which n are left, with `other` instead of masked ones. */
XENT_INLINE doubles f64_unless_masked(const f64_logits *in, int64_t class, int64_t n, doubles v, double other) {
  const uint8_t *mask = in->mask + class * in->mask_stride;
  if (in->mask_stride == 1 && n >= XENT_DOUBLES) return doubles_where_set(mask, v, doubles_set(other));
  uint8_t set[XENT_DOUBLES];
  for (int64_t k = 0; k < XENT_DOUBLES; k++) set[k] = k < n && mask[k * in->mask_stride];
  return doubles_where_set(set, v, doubles_set(other));
}
/* Masked classes of a piece become `value`. */
XENT_SHARED void f64_mask_piece(const f64_logits *in, int64_t begin, int64_t n, double *piece, double value) {
  for (int64_t i = 0; i < n; i += XENT_DOUBLES)
    doubles_store_part(piece + i, n - i,
                       f64_unless_masked(in, begin + i, n - i, doubles_load_part(piece + i, n - i, 0), value));
}
XENT_INLINE void f64_mask(const f64_logits *in, int64_t begin, int64_t n, double *piece, double value) {
  if (in->mask) f64_mask_piece(in, begin, n, piece, value);
}

/* Replaces v by cap tanh(v / cap); slope receives the derivative. */
XENT_INLINE void f64_cap(doubles *v, doubles *slope, double cap, const int count) {
  const doubles one = doubles_set(1);
  XENT_F64_STAGE(v[j] = doubles_mul(v[j], doubles_set(1 / cap)));
  f64_tanh_vectors(v, count);
  XENT_F64_STAGE({
    slope[j] = doubles_fma(doubles_sub(doubles_set(-0.0), v[j]), v[j], one);
    v[j] = doubles_mul(v[j], doubles_set(cap));
  });
}
XENT_SHARED void f64_cap_piece(const double *x, int64_t n, double cap, double *to, double *slope) {
  enum { STEP = XENT_DOUBLES_BATCH * XENT_DOUBLES };
  for (int64_t i = 0; i < n; i += STEP) {
    doubles v[XENT_DOUBLES_BATCH], d[XENT_DOUBLES_BATCH];
    for (int j = 0; j < XENT_DOUBLES_BATCH; j++) {
      const int64_t left = n - i - j * XENT_DOUBLES;
      v[j] = left > 0 ? doubles_load_part(x + i + j * XENT_DOUBLES, left, 0) : doubles_set(0);
    }
    f64_cap(v, d, cap, XENT_DOUBLES_BATCH);
    for (int j = 0; j < XENT_DOUBLES_BATCH && i + j * XENT_DOUBLES < n; j++) {
      const int64_t at = i + j * XENT_DOUBLES;
      doubles_store_part(to + at, n - at, v[j]);
      if (slope) doubles_store_part(slope + at, n - at, d[j]);
    }
  }
}

/* n prepared logits. slope, if not NULL, receives the softcap's derivative. */
XENT_SHARED const double *f64_stage(const f64_logits *in, int64_t begin, int64_t n, double shift, double *buffer,
                                    double *slope) {
  const double *x = f64_load(&in->x, begin, n, buffer);
  if (in->softcap != 0) {
    f64_cap_piece(x, n, in->softcap, buffer, slope);
    x = buffer;
  }
  for (int64_t i = 0; (in->mask || shift != 0) && i < n; i += XENT_DOUBLES) {
    const doubles v = doubles_sub(doubles_load_part(x + i, n - i, 0), doubles_set(shift));
    doubles_store_part(buffer + i, n - i, in->mask ? f64_unless_masked(in, begin + i, n - i, v, -INFINITY) : v);
  }
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

#endif
