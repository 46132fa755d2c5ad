/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of any type in pieces of doubles: where an array of doubles without gaps is as it is to be read or written,
 * a piece is the array itself, else a copy in a buffer. Prepared logits have been through softcap, temperature
 * and mask (a masked class is -inf, which adds +0 to every sum of exponentials), and the shift is off.
 */
#ifndef XENT_WIDE_PIECES_H
#define XENT_WIDE_PIECES_H

#include "kernels/general/results.h"
#include "kernels/row/rows.h"
#include "kernels/math/wide_exponential.h"

enum { XENT_PIECE = 1024 }; /* whole groups, and as many classes as take their reference from their maximum */
_Static_assert((int)XENT_PIECE == (int)XENT_EXACT_MAX && XENT_CHUNK % XENT_PIECE == 0, "pieces of a chunk");

typedef struct {
  XENT_ALIGNED double x[XENT_PIECE];
  double other[XENT_PIECE], out[XENT_PIECE], slope[XENT_PIECE];
} f64_buffers;

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
XENT_SHARED const double *f64_load(const f64_array *a, int64_t begin, int64_t n, double *buffer) {
  const int64_t at = a->at + begin * a->stride;
  if (is_plain_array(a)) return (const double *)a->array + at;
  if (a->type == XENT_F64)
    for (int64_t i = 0; i < n; i++) buffer[i] = ((const double *)a->array)[at + i * a->stride];
  else if (a->type == XENT_F32)
    for (int64_t i = 0; i < n; i++) buffer[i] = (double)((const float *)a->array)[at + i * a->stride];
  else
    for (int64_t i = 0; i < n; i++) buffer[i] = float_at(a->array, a->type, at + i * a->stride);
  return buffer;
}

/* Where results from class `begin` on are to be computed: in place, or in the buffer for f64_store. */
XENT_INLINE double *f64_room(const f64_array *a, int64_t begin, double *buffer) {
  return is_plain_array(a) ? (double *)a->array + a->at + begin : buffer;
}
XENT_SHARED void f64_store(const f64_array *a, int64_t begin, int64_t n, const double *values) {
  if (is_plain_array(a)) return;
  const int64_t at = a->at + begin * a->stride;
  for (int64_t i = 0; i < n; i++) put_number(a->array, a->type, at + i * a->stride, values[i]);
}
XENT_SHARED void f64_fill(const f64_array *a, int64_t begin, int64_t end, double value) {
  for (int64_t i = begin; i < end; i++) put_number(a->array, a->type, a->at + i * a->stride, value);
}

/* The logits of a row. */
typedef struct {
  f64_array x;
  const uint8_t *mask; /* of class 0; NULL: every class takes part */
  int64_t mask_stride;
  double softcap, temperature; /* 0: none */
  int64_t classes;
} f64_logits;

XENT_INLINE f64_logits f64_logits_of(const xent_call *call, const void *logits, const xent_layout *layout, row_span span) {
  const xent_layout *mask = &call->shape->class_mask;
  return (f64_logits){.x = f64_array_of(call, logits, layout, span),
                       .mask = call->class_mask ? (const uint8_t *)call->class_mask + class_offset(call, mask, span) : NULL,
                       .mask_stride = mask->classes,
                       .softcap = call->options->softcap,
                       .temperature = call->options->temperature,
                       .classes = span.classes};
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
  for (int64_t i = 0; i < n; i++)
    if (!f64_takes_part(in, begin + i)) piece[i] = value;
}

/* n <= XENT_PIECE prepared logits. slope, where it is asked for: the softcap's derivative. */
XENT_SHARED const double *f64_prepared(const f64_logits *in, int64_t begin, int64_t n, double shift, double *buffer,
                                        double *slope) {
  const double *x = f64_load(&in->x, begin, n, buffer);
  if (!in->mask && in->softcap == 0 && in->temperature == 0 && shift == 0) return x;
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    dlanes v = dlanes_load_part(x + i, n - i, 0);
    if (in->softcap != 0) {
      const dlanes t = f64_tanh_lanes(dlanes_div(v, dlanes_set(in->softcap)));
      if (slope) dlanes_store(slope + i, dlanes_fma(dlanes_sub(dlanes_set(-0.0), t), t, dlanes_set(1)));
      v = dlanes_scale(t, in->softcap);
    }
    if (in->temperature != 0) v = dlanes_div(v, dlanes_set(in->temperature));
    if (shift != 0) v = dlanes_sub(v, dlanes_set(shift));
    dlanes_store(buffer + i, v);
  }
  f64_mask(in, begin, n, buffer, -INFINITY);
  return buffer;
}
XENT_INLINE double f64_prepared_one(const f64_logits *in, int64_t class, double shift) {
  XENT_ALIGNED double room[XENT_LANES];
  return *f64_prepared(in, class, 1, shift, room, NULL);
}

XENT_INLINE int64_t piece_length(int64_t begin, int64_t end) {
  return end - begin < XENT_PIECE ? end - begin : XENT_PIECE;
}

#endif
