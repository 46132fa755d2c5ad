/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logits of a few rows, as fast as the weights can be read. Weights are transposed in registers:
 *   for sixteen classes at a time, for each feature k, for each row i: c[i] += x[i][k] * weights[classes][k]
 */
#ifndef XENT_LINEAR_FEW_H
#define XENT_LINEAR_FEW_H

#include "kernels/linear/panel.h"

/* A step of columns, from `at` on. */
XENT_INLINE void few_columns(const int rows, const matrix_rows *w, const float *x, int64_t at, const int32_t type,
                             lanes c[XENT_FEW_ROWS]) {
  lanes t[XENT_COLUMNS];
  const int per = 4 / (int)size_of_float(type);
  lanes_load_columns(w->row, at, type, t);
  XENT_UNROLL(16)
  for (int j = 0; j < XENT_COLUMNS; j++) {
    XENT_UNROLL(2)
    for (int half = 0; half < per; half++) {
      const lanes v = lanes_of_bits(t[j], type, half);
      const float *own = x + (at + j * per + half) * XENT_FEW_ROWS;
      XENT_UNROLL(8)
      for (int i = 0; i < rows; i++) c[i] = lanes_fma(lanes_set(own[i]), v, c[i]);
    }
  }
}

/* The block of n features from `begin` on; number k of row i of x is at k * XENT_FEW_ROWS + i. The weights of the next
 * classes, after these, are prefetched in ascending address order. */
XENT_INLINE void few_block(const int rows, const matrix_rows *w, const float *x, int64_t begin, int64_t n,
                           const int32_t type, bool side_by_side, lanes c[XENT_FEW_ROWS]) {
  const int64_t step = columns_at_once(type), end = begin + n;
  const int64_t bytes = step * size_of_float(type) * XENT_LANES; /* of one step */
  const int64_t ahead = (w->row[1] - w->row[0]) * XENT_LANES;
  XENT_ALIGNED float columns[(2 * XENT_COLUMNS + 1) * XENT_LANES];
  int64_t k = begin;
  for (int i = 0; i < rows; i++) c[i] = lanes_set(0.0f);
  for (; side_by_side && k + step <= end; k += step) {
    for (int64_t line = 0; line < bytes; line += 64) prefetch_behind(w->row[0], ahead + k / step * bytes + line);
    few_columns(rows, w, x, k, type, c);
  }
  for (int64_t to; k < end; k = to) { /* the rest, in a step that may begin with columns before it */
    to = least_of(k + step, end);
    const int64_t from = side_by_side && to >= step ? to - step : k;
    pack_columns(w, from, to - from, columns, XENT_LANES);
    for (; k < to; k++)
      for (int i = 0; i < rows; i++)
        c[i] = lanes_fma(lanes_set(x[k * XENT_FEW_ROWS + i]), lanes_load(columns + (k - from) * XENT_LANES), c[i]);
  }
}

XENT_INLINE void few_of_type(const int rows, const matrix *weights, const strided *bias, const float *x,
                             int64_t features, int64_t count, int64_t begin, int64_t n, float *out, int64_t pitch,
                             const int32_t type) {
  for (int64_t v = 0; v < n; v += XENT_LANES) {
    const matrix_rows w = matrix_rows_of(weights, begin + v, n - v);
    XENT_ALIGNED double sums[XENT_FEW_ROWS * XENT_LANES];
    lanes c[XENT_FEW_ROWS];
    int64_t k = 0;
    do {
      few_block(rows, &w, x, k, least_of(XENT_TERMS, features - k), type, weights->stride == 1, c);
      for (int i = 0; features > XENT_TERMS && i < rows; i++) {
        const dlanes block = dlanes_widen(c[i]);
        dlanes_store(sums + i * XENT_LANES, k == 0 ? block : dlanes_add(dlanes_load(sums + i * XENT_LANES), block));
      }
      k += XENT_TERMS;
    } while (k < features);
    for (int i = 0; i < count; i++) {
      dlanes sum = features > XENT_TERMS ? dlanes_load(sums + i * XENT_LANES) : dlanes_widen(c[i]);
      if (bias) sum = dlanes_add(sum, dlanes_widen(strided_load(bias, begin + v, n - v, 0.0f)));
      lanes_store(out + i * pitch + v, dlanes_narrow(sum));
    }
  }
}

/* A number of rows without a kernel uses the next larger kernel, which computes additional rows, which are not used:
 * pack_columns fills them. */
#define XENT_DEFINE_FEW(rows) \
  XENT_SHARED void few_logits_##rows(const matrix *w, const strided *bias, const float *x, int64_t features, \
                                     int64_t count, int64_t begin, int64_t n, float *out, int64_t pitch) { \
    if (w->type == XENT_F32) few_of_type(rows, w, bias, x, features, count, begin, n, out, pitch, XENT_F32); \
    else if (w->type == XENT_BF16) few_of_type(rows, w, bias, x, features, count, begin, n, out, pitch, XENT_BF16); \
    else few_of_type(rows, w, bias, x, features, count, begin, n, out, pitch, XENT_F16); \
  }
XENT_DEFINE_FEW(1)
#if XENT_FEW_ROWS > 1
XENT_DEFINE_FEW(2)
XENT_DEFINE_FEW(4)
XENT_DEFINE_FEW(6)
XENT_DEFINE_FEW(8)
#endif

/* The logits of all packed rows and n classes from `begin` on. */
XENT_INLINE void few_logits(const matrix *weights, const strided *bias, const float *x, int64_t features, int64_t rows,
                            int64_t begin, int64_t n, float *out, int64_t pitch) {
  switch (rows) {
    case 1: few_logits_1(weights, bias, x, features, rows, begin, n, out, pitch); break;
#if XENT_FEW_ROWS > 1
    case 2: few_logits_2(weights, bias, x, features, rows, begin, n, out, pitch); break;
    case 3:
    case 4: few_logits_4(weights, bias, x, features, rows, begin, n, out, pitch); break;
    case 5:
    case 6: few_logits_6(weights, bias, x, features, rows, begin, n, out, pitch); break;
    default: few_logits_8(weights, bias, x, features, rows, begin, n, out, pitch);
#endif
  }
}

#endif
