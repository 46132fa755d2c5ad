/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of any type (stages/load/row_source.h) as doubles: an array of doubles without gaps is read and written in
 * place, others through a buffer. Prepared logits have softcap and mask applied (a masked class is -inf, which adds +0
 * to every sum of exponentials), and the shift subtracted. The temperature is a factor of the exponent.
 */
#ifndef XENT_F64_LOAD_H
#define XENT_F64_LOAD_H

#include "kernels/stages/load/row_source.h"
#include "kernels/math/f64_exponential.h"
#include "kernels/records.h"
#include "kernels/stages/targets/loss.h"
#include "kernels/stages/targets/put.h"

XENT_INLINE int64_t f64_part(int64_t begin, int64_t end, int64_t most) {
  return end - begin < most ? end - begin : most;
}

XENT_INLINE double f64_quiet(double v) { return v != v ? XENT_F64_NAN : v; }

enum { XENT_PIECE = 1024 }; /* classes per pass through a buffer; a sum over products is exact within them */

/* The second pass of every class: v factor + addend. */
XENT_INLINE doubles f64_line(doubles v, doubles factor, doubles addend) { return doubles_fma(v, factor, addend); }

XENT_INLINE bool are_plain_doubles(const strided *a) { return a->type == XENT_F64 && a->stride == 1; }

/* Copies n numbers from class `begin` on to the buffer. */
XENT_SHARED void f64_copy(const strided *a, int64_t begin, int64_t n, double *buffer) {
  const float *x = (const float *)(const void *)a->at;
  const int64_t at = begin * a->stride;
  if (a->type == XENT_F32 && a->stride == 1)
    for (int64_t i = 0; i < n; i++) buffer[i] = (double)x[at + i];
  else if (a->type == XENT_F64)
    for (int64_t i = 0; i < n; i++) buffer[i] = ((const double *)(const void *)a->at)[at + i * a->stride];
  else if (a->type == XENT_F32)
    for (int64_t i = 0; i < n; i++) buffer[i] = (double)x[at + i * a->stride];
  else
    for (int64_t i = 0; i < n; i++) buffer[i] = float_at(a->at, a->type, at + i * a->stride);
}
/* The place for results from class `begin` on: the array, or the buffer for f64_store. */
XENT_INLINE double *f64_room(const strided *a, int64_t begin, double *buffer) {
  return are_plain_doubles(a) ? (double *)(uintptr_t)a->at + begin : buffer;
}
XENT_INLINE const double *f64_load(const strided *a, int64_t begin, int64_t n, double *buffer) {
  if (!are_plain_doubles(a)) f64_copy(a, begin, n, buffer);
  return f64_room(a, begin, buffer);
}
XENT_SHARED void f64_scatter(const strided *a, int64_t begin, int64_t n, const double *values) {
  float *x = (float *)(uintptr_t)a->at;
  const int64_t at = begin * a->stride;
  if (a->type == XENT_F32 && a->stride == 1) /* NaN is already canonical */
    for (int64_t i = 0; i < n; i++) x[at + i] = (float)values[i];
  else if (a->type == XENT_F32)
    for (int64_t i = 0; i < n; i++) x[at + i * a->stride] = (float)values[i];
  else
    for (int64_t i = 0; i < n; i++) put_number(x, a->type, at + i * a->stride, values[i]);
}
XENT_INLINE void f64_store(const strided *a, int64_t begin, int64_t n, const double *values) {
  if (!are_plain_doubles(a)) f64_scatter(a, begin, n, values);
}
XENT_SHARED void f64_fill(const strided *a, int64_t begin, int64_t end, double value) {
  for (int64_t i = begin; i < end; i++) put_number((void *)(uintptr_t)a->at, a->type, i * a->stride, value);
}

/* Numbers from class i on, of which n are left, with `other` instead of masked ones. */
XENT_INLINE doubles f64_unless_masked(const row_source *in, int64_t class, int64_t n, doubles v, double other) {
  const uint8_t *mask = in->mask + class * in->mask_stride;
  if (in->mask_stride == 1 && n >= XENT_DOUBLES) return doubles_where_set(mask, v, doubles_set(other));
  uint8_t set[XENT_DOUBLES];
  for (int64_t k = 0; k < XENT_DOUBLES; k++) set[k] = k < n && mask[k * in->mask_stride];
  return doubles_where_set(set, v, doubles_set(other));
}
/* Masked classes of a piece become `value`. */
XENT_SHARED void f64_mask_piece(const row_source *in, int64_t begin, int64_t n, double *piece, double value) {
  for (int64_t i = 0; i < n; i += XENT_DOUBLES)
    doubles_store_part(piece + i, n - i,
                       f64_unless_masked(in, begin + i, n - i, doubles_load_part(piece + i, n - i, 0), value));
}
XENT_INLINE void f64_mask(const row_source *in, int64_t begin, int64_t n, double *piece, double value) {
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

XENT_INLINE double f64_softcap(const row_source *in) { return in->call->options->softcap; }

/* n prepared logits. slope, if not NULL, receives the softcap's derivative. */
XENT_SHARED const double *f64_stage(const row_source *in, int64_t begin, int64_t n, double shift, double *buffer,
                                    double *slope) {
  const double *x = f64_load(&in->x, begin, n, buffer);
  if (f64_softcap(in) != 0) {
    f64_cap_piece(x, n, f64_softcap(in), buffer, slope);
    x = buffer;
  }
  for (int64_t i = 0; (in->mask || shift != 0) && i < n; i += XENT_DOUBLES) {
    const doubles v = doubles_sub(doubles_load_part(x + i, n - i, 0), doubles_set(shift));
    doubles_store_part(buffer + i, n - i, in->mask ? f64_unless_masked(in, begin + i, n - i, v, -INFINITY) : v);
  }
  return buffer;
}
XENT_INLINE const double *f64_prepared(const row_source *in, int64_t begin, int64_t n, double shift, double *buffer,
                                       double *slope) {
  if (in->mask || f64_softcap(in) != 0 || shift != 0) return f64_stage(in, begin, n, shift, buffer, slope);
  return f64_load(&in->x, begin, n, buffer);
}
XENT_INLINE double f64_prepared_one(const row_source *in, int64_t class, double shift) {
  double room;
  return *f64_prepared(in, class, 1, shift, &room, NULL);
}

#endif
