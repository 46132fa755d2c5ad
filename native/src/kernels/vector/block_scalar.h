/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen interleaved rows, in plain C. */
#ifndef XENT_BLOCK_SCALAR_H
#define XENT_BLOCK_SCALAR_H

enum { XENT_IN_FLIGHT = 2 };

XENT_INLINE dlanes dlanes_widen(lanes a) {
  dlanes r;
  XENT_EACH_LANE(j) r.v[j].v = (double)a.v[j];
  return r;
}
XENT_INLINE lanes dlanes_narrow(dlanes a) {
  lanes r;
  XENT_EACH_LANE(j) r.v[j] = (float)a.v[j].v;
  return r;
}
XENT_INLINE double dlanes_tree(dlanes a) {
  for (int k = XENT_LANES / 2; k >= 1; k /= 2)
    for (int j = 0; j < k; j++) a.v[j].v += a.v[j + k].v;
  return a.v[0].v;
}

XENT_INLINE void lanes_turn_in(const float *x, int64_t pitch, lanes t[4]) {
  for (int k = 0; k < 4; k++) XENT_EACH_LANE(j) t[k].v[j] = x[j * pitch + k];
}
XENT_INLINE void lanes_turn_out(const lanes t[4], float *y, int64_t pitch) {
  for (int k = 0; k < 4; k++) XENT_EACH_LANE(j) y[j * pitch + k] = t[k].v[j];
}

XENT_INLINE lanes lanes_min(lanes x, lanes a) {
  XENT_EACH_LANE(j) a.v[j] = x.v[j] < a.v[j] ? x.v[j] : a.v[j];
  return a;
}
XENT_INLINE lanes lanes_where_equal(lanes a, lanes b, lanes yes, lanes no) {
  XENT_EACH_LANE(j) no.v[j] = a.v[j] == b.v[j] ? yes.v[j] : no.v[j];
  return no;
}
XENT_INLINE lanes lanes_where_above(lanes a, lanes b, lanes yes, lanes no) {
  XENT_EACH_LANE(j) no.v[j] = a.v[j] > b.v[j] ? yes.v[j] : no.v[j];
  return no;
}
XENT_INLINE lanes lanes_where_set(const uint8_t *set, lanes yes, lanes no) {
  XENT_EACH_LANE(j) no.v[j] = set[j] ? yes.v[j] : no.v[j];
  return no;
}
#include "kernels/vector/where_part.h"
XENT_INLINE uint32_t lanes_bits_above(lanes a, lanes b) {
  uint32_t bits = 0;
  XENT_EACH_LANE(j) bits |= (uint32_t)(a.v[j] > b.v[j]) << j;
  return bits;
}
XENT_INLINE uint32_t lanes_bits_equal(lanes a, lanes b) {
  uint32_t bits = 0;
  XENT_EACH_LANE(j) bits |= (uint32_t)(a.v[j] == b.v[j]) << j;
  return bits;
}
XENT_INLINE uint32_t lanes_bits_beyond(lanes x, float limit) {
  uint32_t bits = 0;
  XENT_EACH_LANE(j) bits |= (uint32_t) !(fabsf(x.v[j]) <= limit) << j;
  return bits;
}
XENT_INLINE lanes lanes_div(lanes a, lanes b) {
  XENT_EACH_LANE(j) a.v[j] /= b.v[j];
  return a;
}
XENT_INLINE uint32_t lanes_bits_nan(lanes a) {
  uint32_t bits = 0;
  XENT_EACH_LANE(j) bits |= (uint32_t)(a.v[j] != a.v[j]) << j;
  return bits;
}
XENT_INLINE lanes lanes_largest_rows(const lanes r[XENT_LANES]) {
  lanes largest;
  XENT_EACH_LANE(j) largest.v[j] = lanes_largest(r[j]);
  return largest;
}
XENT_INLINE lanes lanes_largest_dense(const float *x, int64_t n) {
  lanes result;
  XENT_EACH_LANE(j) result.v[j] = lanes_largest(lanes_load_part(x + j * n, n, -INFINITY));
  return result;
}

#include "kernels/vector/dense_sixteen.h"
XENT_INLINE lanes lanes_spread(lanes v, const int32_t *rows, int64_t k) {
  lanes r;
  XENT_EACH_LANE(j) r.v[j] = v.v[rows[k * XENT_LANES + j]];
  return r;
}

XENT_INLINE dlanes dlanes_sum_dense(const float *x, int64_t n) {
  dlanes result;
  XENT_EACH_LANE(j) result.v[j].v = lanes_tree(lanes_load_part(x + j * n, n, 0.0f));
  return result;
}
XENT_INLINE dlanes lanes_tree_rows(const lanes r[XENT_LANES]) {
  dlanes sums;
  XENT_EACH_LANE(j) sums.v[j].v = lanes_tree(r[j]);
  return sums;
}
XENT_INLINE dlanes dlanes_tree_rows(const dlanes r[XENT_LANES]) {
  dlanes sums;
  XENT_EACH_LANE(j) sums.v[j].v = dlanes_tree(r[j]);
  return sums;
}

#endif
