/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls with independent elements. The rows of a call are at most three boxes A, B, C, here for an inner axis of five:
 *   . . A A A
 *   B B B B B
 *   B B B B B
 *   C C . . .
 * The elements of a box, with their classes, are processed in the memory order of the logits, 512 at a time. An array
 * whose elements are contiguous in that order is read and written in place, others through a buffer.
 */
#ifndef XENT_ELEMENTS_WALK_H
#define XENT_ELEMENTS_WALK_H

#include "kernels/paths/f64/f64_load.h"
#include "kernels/stages/load/strided.h"
#include "numerics/exact_sum.h"

enum { XENT_ELEMENTS = 512 }; /* of a piece */

/* Part of a tensor: its extents along the axes outer, classes and inner, in the order of the walk. */
typedef struct {
  int64_t extent[3];
  int axis[3];
  int64_t outer, inner; /* where the part begins */
} element_box;

/* An array and its strides in the order of the walk. */
typedef struct {
  void *array;
  int32_t type;
  int64_t at, stride[3];
  bool dense; /* the elements are contiguous */
} element_array;

/* Element number k of a box. */
typedef struct {
  int64_t i[3];
} element_place;

XENT_INLINE int64_t elements_of(const element_box *b) { return b->extent[0] * b->extent[1] * b->extent[2]; }

/* The axis with the smallest stride of the logits comes last. */
XENT_SHARED element_box element_box_of(const xent_call *call, int64_t outer, int64_t outers, int64_t inner,
                                       int64_t inners) {
  const xent_layout *l = &call->shape->logits;
  const int64_t extent[3] = {outers, call->shape->classes, inners}, stride[3] = {l->outer, l->classes, l->inner};
  element_box b = {.axis = {0, 1, 2}, .outer = outer, .inner = inner};
  for (int i = 1; i < 3; i++) /* an axis of one element may have any stride: it goes first */
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

/* The stride between elements of a run. */
XENT_INLINE int64_t step_of_run(const element_array *a) { return a->dense ? 1 : a->stride[2]; }

/* Returns the number of the next n elements that are along the last axis, and sets *at to the first one; moves past
 * them. */
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

/* Elements of a piece, in float32 or float64 arithmetic. */
typedef union {
  XENT_ALIGNED float floats[XENT_ELEMENTS];
  XENT_ALIGNED double doubles[XENT_ELEMENTS];
} element_buffer;

XENT_INLINE bool lies_as_computed(const element_array *a, const bool wide) {
  return a->array && a->dense && a->type == (wide ? XENT_F64 : XENT_F32);
}
XENT_INLINE void *element_at(const element_array *a, int64_t k, const bool wide) {
  return (char *)a->array + (a->at + k) * (wide ? 8 : 4);
}

/* Loads n elements of a run. */
XENT_INLINE void load_run(const strided *s, int64_t n, float *to) {
  if (s->type == XENT_U8) {
    for (int64_t j = 0; j < n; j++) to[j] = ((const uint8_t *)s->at)[j * s->stride];
  } else if (n == 1 || s->stride == 0) {
    const float v = strided_one(s, 0);
    for (int64_t j = 0; j < n; j++) to[j] = v;
  } else {
    for (int64_t j = 0; j < n; j += XENT_LANES) lanes_store_part(to + j, n - j, strided_load(s, j, n - j, 0));
  }
}
XENT_INLINE void store_run(const strided *s, int64_t n, const float *from) {
  for (int64_t j = 0; j < n; j += XENT_LANES) strided_store(s, j, n - j, lanes_load_part(from + j, n - j, 0));
}

/* Copies elements [k, k + n), n at most XENT_ELEMENTS, to the buffer, or from it. */
XENT_SHARED void copy_elements(const element_box *b, const element_array *a, int64_t k, int64_t n,
                               element_buffer *buffer, bool wide, bool store) {
  element_place p = element_place_of(b, k);
  for (int64_t i = 0, at, run; i < n; i += run) {
    run = next_run(b, a, &p, n - i, &at);
    const int64_t size = a->type == XENT_U8 ? 1 : size_of_float(a->type);
    const strided f = {.at = (char *)a->array + at * size, .stride = step_of_run(a), .type = a->type};
    if (wide && store) f64_scatter(&f, 0, run, buffer->doubles + i);
    else if (wide) f64_copy(&f, 0, run, buffer->doubles + i);
    else if (store) store_run(&f, run, buffer->floats + i);
    else load_run(&f, run, buffer->floats + i);
  }
}
XENT_INLINE const void *load_elements(const element_box *b, const element_array *a, int64_t k, int64_t n,
                                      element_buffer *buffer, const bool wide) {
  if (lies_as_computed(a, wide)) return element_at(a, k, wide);
  copy_elements(b, a, k, n, buffer, wide, false);
  return buffer;
}
/* The place for computed elements: the array, or the buffer for store_elements. */
XENT_INLINE void *room_for_elements(const element_array *a, int64_t k, element_buffer *buffer, const bool wide) {
  return lies_as_computed(a, wide) ? element_at(a, k, wide) : buffer;
}
XENT_INLINE void store_elements(const element_box *b, const element_array *a, int64_t k, int64_t n,
                                element_buffer *buffer, const bool wide) {
  if (a->array && !lies_as_computed(a, wide)) copy_elements(b, a, k, n, buffer, wide, true);
}

/* Exact sums of many floats: adjacent floats go to different counters, so that no addition waits for the previous
 * one. The counter of a sign and an exponent has the sum of fractions in its lower bits and their number in its
 * upper bits. */
enum { XENT_COUNTERS = 4, XENT_COUNT_SHIFT = 44, XENT_MOST_COUNTED = 1 << 19, XENT_MANY_ELEMENTS = 4096 };
typedef struct {
  uint64_t bins[XENT_COUNTERS][512];
  int64_t counted;
} float_counters;

XENT_SHARED void empty_counters(xent_exact_sum *exact_sum, float_counters *c) {
  const uint64_t fractions = (UINT64_C(1) << XENT_COUNT_SHIFT) - 1;
  for (int k = 0; c->counted && k < 512; k++) {
    int64_t sum = 0;
    for (int i = 0; i < XENT_COUNTERS; i++) {
      const uint64_t v = c->bins[i][k];
      sum += (int64_t)(v & fractions) + (int64_t)(k & 255 ? v >> XENT_COUNT_SHIFT << 23 : 0);
    }
    exact_sum->bins[k & 255] += k >> 8 ? -sum : sum;
  }
  memset(c, 0, sizeof *c);
}
XENT_SHARED void count_floats(xent_exact_sum *exact_sum, float_counters *c, const float *v, int64_t n) {
  uint32_t special = 0;
  for (int64_t i = 0; i < n; i += XENT_LANES) special |= lanes_bits_beyond(lanes_load_part(v + i, n - i, 0), FLT_MAX);
  if (special) {
    for (int64_t i = 0; i < n; i++) exact_sum_add_one(exact_sum, v[i]);
    return;
  }
  if (c->counted + n > XENT_MOST_COUNTED) empty_counters(exact_sum, c);
  c->counted += n;
  int64_t i = 0;
  for (; i + XENT_COUNTERS <= n; i += XENT_COUNTERS)
    for (int k = 0; k < XENT_COUNTERS; k++) {
      const uint32_t u = float_bits(v[i + k]);
      c->bins[k][u >> 23] += (u & 0x7fffff) | UINT64_C(1) << XENT_COUNT_SHIFT;
    }
  for (; i < n; i++)
    c->bins[0][float_bits(v[i]) >> 23] += (float_bits(v[i]) & 0x7fffff) | UINT64_C(1) << XENT_COUNT_SHIFT;
}

/* The rows of a call as at most three boxes: the first and the last outer index may have only part of their inner
 * indices. */
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
