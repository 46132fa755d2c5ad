/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds the terms of tiles.h for a group of a block. This is stages/sum/chunk.h with classes along columns instead of
 * rows: sum l of a group adds its classes l, l + 16 ... (along a row, sum l is a lane of a vector). Here each sum is a
 * vector with one number per row. contract_chunk_sum (native/test/contract/contract.c) is the plain form.
 */
#ifndef XENT_TILE_SUMS_H
#define XENT_TILE_SUMS_H

#include "kernels/paths/columns/strip.h"
#include "kernels/stages/sum/chunk.h"

/* The partial sums of a chunk: the sixteen lanes; for a chunk of one group, its sum. */
typedef struct {
  dlanes total[XENT_LANES];
} tile_chunk;

XENT_INLINE void begin_chunk(tile_chunk *c, int64_t length) {
  for (int l = 0; l < (length > XENT_GROUP ? XENT_LANES : 1); l++) c->total[l] = dlanes_zero();
}

/* The next logits, which are prefetched while exponentials are computed. It is an integer, because it may be past the
 * end of the tensor, which a prefetch may access. */
typedef struct {
  uintptr_t x, step; /* bytes between classes; 0: nothing to prefetch */
} column_ahead;

/* The summed values: numbers of a tile, or the e of logits, which replace the logits if they are kept. */
enum { XENT_OF_TERMS, XENT_OF_E, XENT_OF_KEPT_E };

/* Consecutive classes of a block. */
typedef struct {
  float *x;
  int64_t pitch;
  exp_references references;
  f32_temperature temperature;
  column_ahead ahead;
} block_classes;

/* Loads `count` classes from `class` on, `step` apart, as terms or e. */
XENT_INLINE void take_classes(const block_classes *b, int64_t class, int64_t step, const int count, const int what,
                              lanes *v) {
  float *x = b->x + class * b->pitch;
  const uintptr_t ahead = b->ahead.x + (uintptr_t)class * b->ahead.step;
  XENT_UNROLL(4)
  for (int k = 0; k < count; k++) {
    if (what != XENT_OF_TERMS) __builtin_prefetch((const void *)(ahead + (uintptr_t)(k * step) * b->ahead.step), 0, 2);
    v[k] = lanes_load(x + k * step * b->pitch);
  }
  if (what != XENT_OF_TERMS) exp_lanes(v, count, &b->references, false, &b->temperature);
  XENT_UNROLL(4)
  for (int k = 0; k < count; k++)
    if (what == XENT_OF_KEPT_E) lanes_store(x + k * step * b->pitch, v[k]);
}

/* Adds up to four classes of one of the sums; absent ones add +0. */
XENT_INLINE lanes sum_of_four_slots(const block_classes *b, int64_t class, const int count, const int what) {
  lanes v[4];
  take_classes(b, class, XENT_LANES, count, what, v);
  if (count == 1) return v[0];
  const lanes two = lanes_add(v[0], v[1]);
  return count == 2 ? two : lanes_add(two, count == 3 ? v[2] : lanes_add(v[2], v[3]));
}
/* Sums [from, to) of a group, each of `slots` classes. */
XENT_INLINE void sums_of_slots(const block_classes *of, int from, int to, const int slots, const int what,
                                lanes *sums) {
  const block_classes own = *of, *b = &own; /* a copy, which no store changes */
  int l = from;
  if (slots == 1)
    for (; l + 4 <= to; l += 4) take_classes(b, l, 1, 4, what, sums + l);
  for (; l < to; l++) {
    const lanes half = sum_of_four_slots(b, l, slots < 4 ? slots : 4, what);
    sums[l] = slots <= 4 ? half : lanes_add(half, sum_of_four_slots(b, l + 4 * XENT_LANES, slots - 4, what));
  }
}
XENT_INLINE void sums_of_group(const block_classes *b, int from, int to, int slots, const int what, lanes *sums) {
  switch (slots) {
    case 0:
      for (int l = from; l < to; l++) sums[l] = lanes_set(0.0f);
      break;
    case 1: sums_of_slots(b, from, to, 1, what, sums); break;
    case 2: sums_of_slots(b, from, to, 2, what, sums); break;
    case 3: sums_of_slots(b, from, to, 3, what, sums); break;
    case 4: sums_of_slots(b, from, to, 4, what, sums); break;
    case 5: sums_of_slots(b, from, to, 5, what, sums); break;
    case 6: sums_of_slots(b, from, to, 6, what, sums); break;
    case 7: sums_of_slots(b, from, to, 7, what, sums); break;
    default: sums_of_slots(b, from, to, 8, what, sums);
  }
}
XENT_SHARED void sums_of_terms(const block_classes *b, int from, int to, int slots, lanes *sums) {
  sums_of_group(b, from, to, slots, XENT_OF_TERMS, sums);
}
XENT_SHARED void sums_of_e(const block_classes *b, int from, int to, int slots, lanes *sums) {
  sums_of_group(b, from, to, slots, XENT_OF_E, sums);
}
XENT_SHARED void sums_of_kept_e(const block_classes *b, int from, int to, int slots, lanes *sums) {
  sums_of_group(b, from, to, slots, XENT_OF_KEPT_E, sums);
}

/* Sums a chunk of n <= sixteen classes, in a padded tile: a tree in float, except for its last addition. */
XENT_INLINE dlanes sum_of_few(float *x, int64_t pitch, int64_t n) {
  lanes v[XENT_LANES / 2];
  for (int64_t c = n; c < XENT_LANES; c++) lanes_store(x + c * pitch, lanes_set(0.0f));
  XENT_UNROLL(8)
  for (int k = 0; k < XENT_LANES / 2; k++) v[k] = lanes_load(x + k * pitch);
  XENT_UNROLL(8)
  for (int k = 0; k < XENT_LANES / 2; k++)
    v[k] = lanes_add(v[k], n > XENT_LANES / 2 ? lanes_load(x + (k + XENT_LANES / 2) * pitch) : lanes_set(0.0f));
  XENT_UNROLL(4)
  for (int k = 0; k < 4; k++) v[k] = lanes_add(v[k], v[k + 4]);
  XENT_UNROLL(2)
  for (int k = 0; k < 2; k++) v[k] = lanes_add(v[k], v[k + 2]);
  return dlanes_add(dlanes_widen(v[0]), dlanes_widen(v[1]));
}

/* Adds n classes, a group of a chunk of `length` classes. */
XENT_INLINE void add_group(tile_chunk *c, const block_classes *b, int64_t n, int64_t length, int what) {
  void (*const sum)(const block_classes *, int, int, int, lanes *) =
      what == XENT_OF_TERMS ? sums_of_terms : what == XENT_OF_E ? sums_of_e : sums_of_kept_e;
  const int slots = (int)(n / XENT_LANES), more = (int)(n % XENT_LANES);
  lanes v[XENT_LANES];
  if (more) sum(b, 0, more, slots + 1, v);
  sum(b, more, XENT_LANES, slots, v);
  if (length <= XENT_GROUP) {
    dlanes four[4];
    XENT_UNROLL(4)
    for (int l = 0; l < 4; l++)
      four[l] = dlanes_add(dlanes_add(dlanes_widen(v[l]), dlanes_widen(v[l + 8])),
                           dlanes_add(dlanes_widen(v[l + 4]), dlanes_widen(v[l + 12])));
    c->total[0] = dlanes_add(dlanes_add(dlanes_add(four[0], four[2]), dlanes_add(four[1], four[3])), dlanes_zero());
  } else {
    for (int l = 0; l < XENT_LANES; l++) c->total[l] = dlanes_add(c->total[l], dlanes_widen(v[l]));
  }
}
XENT_SHARED void add_terms(tile_chunk *c, float *x, int64_t pitch, int64_t n, int64_t length) {
  const block_classes b = {.x = x, .pitch = pitch};
  if (length <= XENT_LANES)
    c->total[0] = sum_of_few(x, pitch, n);
  else
    add_group(c, &b, n, length, XENT_OF_TERMS);
}

/* The sum of a chunk. Its lanes begin at +0, so only a tree in float can be -0. */
XENT_INLINE dlanes end_chunk(tile_chunk *c, int64_t length) {
  dlanes *t = c->total;
  if (length <= XENT_GROUP) return t[0];
  for (int k = XENT_LANES / 2; k >= 1; k /= 2)
    for (int l = 0; l < k; l++) t[l] = dlanes_add(t[l], t[l + k]);
  return t[0];
}

XENT_INLINE int64_t group_length(int64_t begin, int64_t end) {
  return end - begin < XENT_GROUP ? end - begin : XENT_GROUP;
}

XENT_INLINE void exp_classes(const float *x, int64_t pitch, float *e, int64_t e_pitch, const int count,
                             const exp_references *r, const f32_temperature *h) {
  lanes v[4];
  XENT_UNROLL(4)
  for (int k = 0; k < count; k++) v[k] = lanes_load(x + k * pitch);
  exp_lanes(v, count, r, false, h);
  XENT_UNROLL(4)
  for (int k = 0; k < count; k++) lanes_store(e + k * e_pitch, v[k]);
}
/* Computes e of n classes of a block; they may overwrite their logits. */
XENT_INLINE void exp_block(const float *x, int64_t pitch, float *e, int64_t e_pitch, int64_t n, lanes references,
                           const f32_temperature *temperature_of_call) {
  const f32_temperature h = *temperature_of_call; /* a copy, which no store can change */
  const exp_references r = exp_references_of(references, &h);
  for (; n >= 4; n -= 4, x += 4 * pitch, e += 4 * e_pitch) exp_classes(x, pitch, e, e_pitch, 4, &r, &h);
  switch (n) {
    case 3: exp_classes(x, pitch, e, e_pitch, 3, &r, &h); break;
    case 2: exp_classes(x, pitch, e, e_pitch, 2, &r, &h); break;
    case 1: exp_classes(x, pitch, e, e_pitch, 1, &r, &h); break;
    default: break;
  }
}

#endif
