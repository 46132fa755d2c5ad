/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls whose elements have nothing to do with each other: they are taken in the order in which the logits lie, a piece
 * at a time. An array whose piece lies side by side is read and written where it is, others through a buffer.
 */
#ifndef XENT_ELEMENTS_WALK_H
#define XENT_ELEMENTS_WALK_H

#include "kernels/f64/load.h"
#include "kernels/load/strand.h"
#include "numerics/tally.h"

enum { XENT_ELEMENTS = 512 }; /* of a piece */

/* Part of a tensor: how far it goes along the axes outer, classes and inner, in the order in which it is walked. */
typedef struct {
  int64_t extent[3];
  int axis[3];
  int64_t outer, inner; /* where it begins */
} element_box;

/* An array as a box is walked. */
typedef struct {
  void *array;
  int32_t type;
  int64_t at, stride[3];
  bool dense; /* the elements lie side by side */
} element_array;

/* Element number k of a box. */
typedef struct {
  int64_t i[3];
} element_place;

XENT_INLINE int64_t elements_of(const element_box *b) { return b->extent[0] * b->extent[1] * b->extent[2]; }

/* The axis along which the logits lie closest comes last. */
XENT_SHARED element_box element_box_of(const xent_call *call, int64_t outer, int64_t outers, int64_t inner, int64_t inners) {
  const xent_layout *l = &call->shape->logits;
  const int64_t extent[3] = {outers, call->shape->classes, inners}, stride[3] = {l->outer, l->classes, l->inner};
  element_box b = {.axis = {0, 1, 2}, .outer = outer, .inner = inner};
  for (int i = 1; i < 3; i++) /* an axis of one element may be anywhere: it goes first */
    for (int j = i; j > 0; j--) {
      const int before = b.axis[j - 1], own = b.axis[j];
      if (!(extent[own] == 1 ? extent[before] != 1 : extent[before] != 1 && stride[own] > stride[before])) break;
      b.axis[j - 1] = own;
      b.axis[j] = before;
    }
  for (int i = 0; i < 3; i++) b.extent[i] = extent[b.axis[i]];
  return b;
}

XENT_SHARED element_array element_array_of(const element_box *b, const void *array, const xent_layout *l) {
  const int64_t stride[3] = {l->outer, l->classes, l->inner};
  element_array a = {.array = (void *)(uintptr_t)array, .type = l->type, .dense = true};
  a.at = b->outer * l->outer + b->inner * l->inner;
  int64_t behind = 1;
  for (int i = 2; i >= 0; i--) {
    a.stride[i] = stride[b->axis[i]];
    a.dense &= b->extent[i] == 1 || a.stride[i] == behind;
    behind *= b->extent[i];
  }
  return a;
}

XENT_INLINE element_place element_place_of(const element_box *b, int64_t k) {
  const int64_t last = k / b->extent[2];
  return (element_place){{last / b->extent[1], last % b->extent[1], k % b->extent[2]}};
}

/* How many of the n elements from a place on lie along the last axis, and where the first is; moves behind them. */
XENT_INLINE int64_t next_run(const element_box *b, const element_array *a, element_place *p, int64_t n, int64_t *at) {
  *at = a->at + p->i[0] * a->stride[0] + p->i[1] * a->stride[1] + p->i[2] * a->stride[2];
  if (a->dense) return n;
  const int64_t left = b->extent[2] - p->i[2], run = n < left ? n : left;
  p->i[2] += run;
  if (run < left) return run;
  p->i[2] = 0;
  if (++p->i[1] < b->extent[1]) return run;
  p->i[1] = 0;
  p->i[0]++;
  return run;
}

/* Elements [k, k + n), n at most XENT_ELEMENTS, of float32 arithmetic. */
XENT_SHARED void gather_floats(const element_box *b, const element_array *a, int64_t k, int64_t n, float *to) {
  element_place p = element_place_of(b, k);
  for (int64_t i = 0, at, run; i < n; i += run) {
    run = next_run(b, a, &p, n - i, &at);
    const int64_t step = a->dense ? 1 : a->stride[2];
    const strand s = {.at = (const char *)a->array + at * size_of_float(a->type), .stride = step, .type = a->type};
    const uint8_t *flags = (const uint8_t *)a->array + at;
    if (a->type == XENT_U8) {
      for (int64_t j = 0; j < run; j++) to[i + j] = flags[j * step];
    } else if (run == 1 || step == 0) {
      const float v = strand_one(&s, 0);
      for (int64_t j = 0; j < run; j++) to[i + j] = v;
    } else {
      for (int64_t j = 0; j < run; j += XENT_LANES) lanes_store_part(to + i + j, run - j, strand_load(&s, j, run - j, 0));
    }
  }
}
XENT_INLINE const float *load_floats(const element_box *b, const element_array *a, int64_t k, int64_t n, float *buffer) {
  if (a->dense && a->type == XENT_F32) return (const float *)a->array + a->at + k;
  gather_floats(b, a, k, n, buffer);
  return buffer;
}
/* Where floats are to be computed: in place, or in the buffer for store_floats. */
XENT_INLINE float *room_for_floats(const element_array *a, int64_t k, float *buffer) {
  return a->array && a->dense && a->type == XENT_F32 ? (float *)a->array + a->at + k : buffer;
}
XENT_SHARED void scatter_floats(const element_box *b, const element_array *a, int64_t k, int64_t n, const float *from) {
  element_place p = element_place_of(b, k);
  for (int64_t i = 0, at, run; i < n; i += run) {
    run = next_run(b, a, &p, n - i, &at);
    const int64_t step = a->dense ? 1 : a->stride[2];
    const strand s = {.at = (const char *)a->array + at * size_of_float(a->type), .stride = step, .type = a->type};
    for (int64_t j = 0; j < run; j += XENT_LANES) strand_store(&s, j, run - j, lanes_load_part(from + i + j, run - j, 0));
  }
}
XENT_INLINE void store_floats(const element_box *b, const element_array *a, int64_t k, int64_t n, const float *from) {
  if (a->array && room_for_floats(a, k, NULL) == NULL) scatter_floats(b, a, k, n, from);
}

/* The same of float64 arithmetic. */
XENT_SHARED void gather_doubles(const element_box *b, const element_array *a, int64_t k, int64_t n, double *to) {
  element_place p = element_place_of(b, k);
  for (int64_t i = 0, at, run; i < n; i += run) {
    run = next_run(b, a, &p, n - i, &at);
    const f64_array from = {.array = a->array, .type = a->type, .at = at, .stride = a->dense ? 1 : a->stride[2]};
    f64_copy(&from, 0, run, to + i);
  }
}
XENT_INLINE const double *load_doubles(const element_box *b, const element_array *a, int64_t k, int64_t n, double *buffer) {
  if (a->dense && a->type == XENT_F64) return (const double *)a->array + a->at + k;
  gather_doubles(b, a, k, n, buffer);
  return buffer;
}
XENT_INLINE double *room_for_doubles(const element_array *a, int64_t k, double *buffer) {
  return a->array && a->dense && a->type == XENT_F64 ? (double *)a->array + a->at + k : buffer;
}
XENT_SHARED void scatter_doubles(const element_box *b, const element_array *a, int64_t k, int64_t n, const double *from) {
  element_place p = element_place_of(b, k);
  for (int64_t i = 0, at, run; i < n; i += run) {
    run = next_run(b, a, &p, n - i, &at);
    const f64_array to = {.array = a->array, .type = a->type, .at = at, .stride = a->dense ? 1 : a->stride[2]};
    f64_scatter(&to, 0, run, from + i);
  }
}
XENT_INLINE void store_doubles(const element_box *b, const element_array *a, int64_t k, int64_t n, const double *from) {
  if (a->array && room_for_doubles(a, k, NULL) == NULL) scatter_doubles(b, a, k, n, from);
}

/* Exact sums of many floats: neighbours go to counters of their own, so that none waits for the one before. A counter of
 * a sign and an exponent has fractions in its lower bits and how many they are in its upper ones. */
enum { XENT_COUNTERS = 4, XENT_COUNT_SHIFT = 44, XENT_MOST_COUNTED = 1 << 19, XENT_MANY_ELEMENTS = 4096 };
typedef struct {
  uint64_t bins[XENT_COUNTERS][512];
  int64_t counted;
} float_counters;

XENT_SHARED void empty_counters(xent_tally *tally, float_counters *c) {
  const uint64_t fractions = (UINT64_C(1) << XENT_COUNT_SHIFT) - 1;
  for (int k = 0; c->counted && k < 512; k++) {
    int64_t sum = 0;
    for (int i = 0; i < XENT_COUNTERS; i++) {
      const uint64_t v = c->bins[i][k];
      sum += (int64_t)(v & fractions) + (int64_t)(k & 255 ? v >> XENT_COUNT_SHIFT << 23 : 0);
    }
    tally->bins[k & 255] += k >> 8 ? -sum : sum;
  }
  memset(c, 0, sizeof *c);
}
XENT_SHARED void count_floats(xent_tally *tally, float_counters *c, const float *v, int64_t n) {
  uint32_t special = 0;
  for (int64_t i = 0; i < n; i += XENT_LANES) special |= lanes_bits_beyond(lanes_load_part(v + i, n - i, 0), FLT_MAX);
  if (special) {
    for (int64_t i = 0; i < n; i++) tally_add_one(tally, v[i]);
    return;
  }
  if (c->counted + n > XENT_MOST_COUNTED) empty_counters(tally, c);
  c->counted += n;
  int64_t i = 0;
  for (; i + XENT_COUNTERS <= n; i += XENT_COUNTERS)
    for (int k = 0; k < XENT_COUNTERS; k++) {
      const uint32_t u = float_bits(v[i + k]);
      c->bins[k][u >> 23] += (u & 0x7fffff) | UINT64_C(1) << XENT_COUNT_SHIFT;
    }
  for (; i < n; i++) c->bins[0][float_bits(v[i]) >> 23] += (float_bits(v[i]) & 0x7fffff) | UINT64_C(1) << XENT_COUNT_SHIFT;
}

/* The rows of a call as boxes, at most three: of the first and the last outer index some inner ones may be left out. */
XENT_SHARED int boxes_of_rows(const xent_call *call, element_box boxes[3]) {
  const int64_t inner = call->shape->inner;
  int count = 0;
  if (call->row_begin >= call->row_end) return 0;
  int64_t outer = call->row_begin / inner;
  const int64_t begin = call->row_begin % inner, last = call->row_end / inner, end = call->row_end % inner;
  if (outer == last) {
    boxes[count++] = element_box_of(call, outer, 1, begin, end - begin);
    return count;
  }
  if (begin) boxes[count++] = element_box_of(call, outer++, 1, begin, inner - begin);
  if (outer < last) boxes[count++] = element_box_of(call, outer, last - outer, 0, inner);
  if (end) boxes[count++] = element_box_of(call, last, 1, 0, end);
  return count;
}

#endif
