/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first pass over a block of sixteen columns in the scratch: row/chunk.h with the classes going down
 * instead of along. Lane l of a group is the sum over its classes l, l + 16 ... of every column, a vector.
 */
#ifndef XENT_COLUMNS_SUM_H
#define XENT_COLUMNS_SUM_H

#include "kernels/math/exponential.h"
#include "kernels/row/chunk.h"

/* The largest of n classes of each column, NaN passed over. */
XENT_INLINE lanes largest_columns(const float *x, int64_t pitch, int64_t n) {
  lanes m[4];
  for (int k = 0; k < 4; k++) m[k] = lanes_set(-INFINITY);
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    XENT_UNROLL(4)
    for (int k = 0; k < 4; k++) m[k] = lanes_max(lanes_load(x + (i + k) * pitch), m[k]);
  for (; i < n; i++) m[0] = lanes_max(lanes_load(x + i * pitch), m[0]);
  return lanes_max(lanes_max(m[0], m[1]), lanes_max(m[2], m[3]));
}

/* What lane_sum adds up, and where its e are kept. */
typedef struct {
  float *x;
  int64_t pitch;
  exp_references references;
  bool keep;
} column_terms;

/* e of `count` classes that are `step` floats apart. */
XENT_INLINE void column_exp(float *x, int64_t step, const int count, exp_references r, const bool keep, lanes *e) {
  XENT_UNROLL(4)
  for (int h = 0; h < count; h++) e[h] = lanes_load(x + h * step);
  exp_lanes_at(e, count, r);
  XENT_UNROLL(4)
  for (int h = 0; h < count; h++)
    if (keep) lanes_store(x + h * step, e[h]);
}

XENT_INLINE lanes sum_of_four(const lanes *e, const int count) {
  switch (count) {
    case 1: return e[0];
    case 2: return lanes_add(e[0], e[1]);
    case 3: return lanes_add(lanes_add(e[0], e[1]), e[2]);
    default: return lanes_add(lanes_add(e[0], e[1]), lanes_add(e[2], e[3]));
  }
}

/* One lane of a group, `slots` of its eight classes being there: the missing ones add +0. */
XENT_INLINE lanes lane_of_group(float *x, int64_t step, const int slots, exp_references r, const bool keep) {
  lanes e[4];
  const int first = slots < 4 ? slots : 4;
  column_exp(x, step, first, r, keep, e);
  const lanes half = sum_of_four(e, first);
  if (slots <= 4) return half;
  column_exp(x + 4 * step, step, slots - 4, r, keep, e);
  return lanes_add(half, sum_of_four(e, slots - 4));
}

/* Lanes [from, to) of a group, each with as many classes. */
XENT_INLINE void lanes_of_group(float *x, int64_t pitch, int from, int to, const int slots, exp_references r,
                                const bool keep, lanes *sums) {
  int l = from;
  if (slots == 1)
    for (; l + 4 <= to; l += 4) column_exp(x + l * pitch, pitch, 4, r, keep, sums + l);
  for (; l < to; l++) sums[l] = lane_of_group(x + l * pitch, XENT_LANES * pitch, slots, r, keep);
}

XENT_INLINE void group_columns(float *x, int64_t pitch, int from, int to, int slots, exp_references r,
                               const bool keep, lanes *sums) {
  switch (slots) {
    case 0:
      for (int l = from; l < to; l++) sums[l] = lanes_set(0.0f);
      break;
    case 1: lanes_of_group(x, pitch, from, to, 1, r, keep, sums); break;
    case 2: lanes_of_group(x, pitch, from, to, 2, r, keep, sums); break;
    case 3: lanes_of_group(x, pitch, from, to, 3, r, keep, sums); break;
    case 4: lanes_of_group(x, pitch, from, to, 4, r, keep, sums); break;
    case 5: lanes_of_group(x, pitch, from, to, 5, r, keep, sums); break;
    case 6: lanes_of_group(x, pitch, from, to, 6, r, keep, sums); break;
    case 7: lanes_of_group(x, pitch, from, to, 7, r, keep, sums); break;
    default: lanes_of_group(x, pitch, from, to, 8, r, keep, sums);
  }
}

XENT_SHARED void group_columns_kept(float *x, int64_t pitch, int from, int to, int slots, const exp_references *r,
                                    lanes *sums) {
  group_columns(x, pitch, from, to, slots, *r, true, sums);
}
XENT_SHARED void group_columns_plain(float *x, int64_t pitch, int from, int to, int slots, const exp_references *r,
                                     lanes *sums) {
  group_columns(x, pitch, from, to, slots, *r, false, sums);
}

/* The sixteen lanes of a group of n classes. keep: x becomes e. */
XENT_INLINE void sum_group_columns(float *x, int64_t pitch, int64_t n, const exp_references *r, bool keep,
                                   lanes sums[XENT_LANES]) {
  const int slots = (int)(n / XENT_LANES), more = (int)(n % XENT_LANES);
  if (keep) {
    if (more) group_columns_kept(x, pitch, 0, more, slots + 1, r, sums);
    group_columns_kept(x, pitch, more, XENT_LANES, slots, r, sums);
  } else {
    if (more) group_columns_plain(x, pitch, 0, more, slots + 1, r, sums);
    group_columns_plain(x, pitch, more, XENT_LANES, slots, r, sums);
  }
}

/* The tree j + 8, j + 4, j + 2, j + 1 of every column. */
XENT_INLINE lanes tree_columns(lanes sums[XENT_LANES]) {
  for (int k = XENT_LANES / 2; k >= 1; k /= 2)
    for (int j = 0; j < k; j++) sums[j] = lanes_add(sums[j], sums[j + k]);
  return sums[0];
}
XENT_INLINE dlanes dtree_columns(dlanes sums[XENT_LANES]) {
  for (int k = XENT_LANES / 2; k >= 1; k /= 2)
    for (int j = 0; j < k; j++) sums[j] = dlanes_add(sums[j], sums[j + k]);
  return sums[0];
}

XENT_INLINE void add_group(dlanes total[XENT_LANES], const lanes sums[XENT_LANES]) {
  for (int l = 0; l < XENT_LANES; l++) total[l] = dlanes_add(total[l], dlanes_widen(sums[l]));
}

/* The sums over a chunk of at most 1024 classes, whose references are those of its maxima. */
XENT_SHARED dlanes sum_columns(float *x, int64_t pitch, int64_t n, const exp_references *r, bool keep) {
  lanes sums[XENT_LANES];
  if (n <= XENT_GROUP) {
    sum_group_columns(x, pitch, n, r, keep, sums);
    return dlanes_widen(tree_columns(sums));
  }
  dlanes total[XENT_LANES];
  for (int l = 0; l < XENT_LANES; l++) total[l] = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    sum_group_columns(x + i * pitch, pitch, n - i < XENT_GROUP ? n - i : XENT_GROUP, r, keep, sums);
    add_group(total, sums);
  }
  return dtree_columns(total);
}

#endif
