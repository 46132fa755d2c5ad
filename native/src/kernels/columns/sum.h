/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first pass over a block of sixteen columns in the scratch: row/chunk.h with the classes going down
 * instead of along. Lane l of a group is the sum over its classes l, l + 16 ... of every column, a vector.
 */
#ifndef XENT_COLUMNS_SUM_H
#define XENT_COLUMNS_SUM_H

#include "kernels/math/exponential.h"
#include "kernels/row/chunk.h"

/* The logits that come next, which are asked for while exponentials are computed. An address, as it may lie behind
 * the tensor, which a prefetch may. */
typedef struct {
  uintptr_t x, step; /* bytes from class to class */
} column_ahead;

XENT_INLINE column_ahead classes_on(column_ahead a, int64_t classes) {
  a.x += (uintptr_t)classes * a.step;
  return a;
}

/* A block's classes in the scratch. keep: they become e. */
typedef struct {
  float *x;
  int64_t pitch;
  exp_references references;
  column_ahead ahead;
  bool keep;
} column_block;

/* e of `count` classes from `class` on, `step` apart. */
XENT_INLINE void column_exp(const column_block *b, int64_t class, int64_t step, const int count, const bool keep,
                            lanes *e) {
  float *x = b->x + class * b->pitch;
  const column_ahead ahead = classes_on(b->ahead, class);
  XENT_UNROLL(4)
  for (int h = 0; h < count; h++) {
    __builtin_prefetch((const void *)classes_on(ahead, h * step).x, 0, 2);
    e[h] = lanes_load(x + h * step * b->pitch);
  }
  exp_lanes_at(e, count, b->references);
  XENT_UNROLL(4)
  for (int h = 0; h < count; h++)
    if (keep) lanes_store(x + h * step * b->pitch, e[h]);
}

XENT_INLINE lanes sum_of_four(const lanes *e, const int count) {
  switch (count) {
    case 1: return e[0];
    case 2: return lanes_add(e[0], e[1]);
    case 3: return lanes_add(lanes_add(e[0], e[1]), e[2]);
    default: return lanes_add(lanes_add(e[0], e[1]), lanes_add(e[2], e[3]));
  }
}

/* Lane l of a group that begins at a class, `slots` of its eight classes being there: the missing ones add +0. */
XENT_INLINE lanes lane_of_group(const column_block *b, int64_t class, const int slots, const bool keep) {
  lanes e[4];
  const int first = slots < 4 ? slots : 4;
  column_exp(b, class, XENT_LANES, first, keep, e);
  const lanes half = sum_of_four(e, first);
  if (slots <= 4) return half;
  column_exp(b, class + 4 * XENT_LANES, XENT_LANES, slots - 4, keep, e);
  return lanes_add(half, sum_of_four(e, slots - 4));
}

/* Lanes [from, to) of the group that begins at a class, each with as many classes. */
XENT_INLINE void lanes_of_group(const column_block *b, int64_t class, int from, int to, const int slots,
                                const bool keep, lanes *sums) {
  int l = from;
  if (slots == 1)
    for (; l + 4 <= to; l += 4) column_exp(b, class + l, 1, 4, keep, sums + l);
  for (; l < to; l++) sums[l] = lane_of_group(b, class + l, slots, keep);
}

XENT_INLINE void group_columns(const column_block *b, int64_t class, int from, int to, int slots, const bool keep,
                               lanes *sums) {
  switch (slots) {
    case 0:
      for (int l = from; l < to; l++) sums[l] = lanes_set(0.0f);
      break;
    case 1: lanes_of_group(b, class, from, to, 1, keep, sums); break;
    case 2: lanes_of_group(b, class, from, to, 2, keep, sums); break;
    case 3: lanes_of_group(b, class, from, to, 3, keep, sums); break;
    case 4: lanes_of_group(b, class, from, to, 4, keep, sums); break;
    case 5: lanes_of_group(b, class, from, to, 5, keep, sums); break;
    case 6: lanes_of_group(b, class, from, to, 6, keep, sums); break;
    case 7: lanes_of_group(b, class, from, to, 7, keep, sums); break;
    default: lanes_of_group(b, class, from, to, 8, keep, sums);
  }
}

XENT_SHARED void group_columns_kept(const column_block *b, int64_t class, int from, int to, int slots, lanes *sums) {
  group_columns(b, class, from, to, slots, true, sums);
}
XENT_SHARED void group_columns_plain(const column_block *b, int64_t class, int from, int to, int slots, lanes *sums) {
  group_columns(b, class, from, to, slots, false, sums);
}

/* The sixteen lanes of the group of n classes that begins at a class. */
XENT_INLINE void sum_group_columns(const column_block *b, int64_t class, int64_t n, lanes sums[XENT_LANES]) {
  const int slots = (int)(n / XENT_LANES), more = (int)(n % XENT_LANES);
  if (b->keep) {
    if (more) group_columns_kept(b, class, 0, more, slots + 1, sums);
    group_columns_kept(b, class, more, XENT_LANES, slots, sums);
  } else {
    if (more) group_columns_plain(b, class, 0, more, slots + 1, sums);
    group_columns_plain(b, class, more, XENT_LANES, slots, sums);
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
XENT_SHARED dlanes sum_columns(const column_block *b, int64_t n) {
  lanes sums[XENT_LANES];
  if (n <= XENT_GROUP) {
    sum_group_columns(b, 0, n, sums);
    return dlanes_widen(tree_columns(sums));
  }
  dlanes total[XENT_LANES];
  for (int l = 0; l < XENT_LANES; l++) total[l] = dlanes_zero();
  for (int64_t i = 0; i < n; i += XENT_GROUP) {
    sum_group_columns(b, i, n - i < XENT_GROUP ? n - i : XENT_GROUP, sums);
    add_group(total, sums);
  }
  return dtree_columns(total);
}

/* The sums of n classes in double lanes, class i in lane i mod 16, in class order: smoothing. */
XENT_SHARED dlanes sum_in_double_columns(const float *x, int64_t pitch, int64_t n) {
  dlanes total[XENT_LANES];
  for (int64_t l = 0; l < XENT_LANES; l++) {
    total[l] = dlanes_zero();
    for (int64_t c = l; c < n; c += XENT_LANES) total[l] = dlanes_add(total[l], dlanes_widen(lanes_load(x + c * pitch)));
  }
  return dtree_columns(total);
}

#endif
