/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of a row in an array of floats of any type and stride, sixteen at a time: loaded as float32, or stored from
 * float32. */
#ifndef XENT_STRIDED_H
#define XENT_STRIDED_H

#include "kernels/stages/targets/entries.h"
#include "kernels/vector/vector.h"

/* The address of number 0, and the stride. Written arrays are not const, despite the type of `at`. */
typedef struct {
  const char *at;
  int64_t stride;
  int32_t type;
} strided;

XENT_INLINE strided strided_at(const void *array, const xent_layout *l, int64_t offset) {
  return (strided){.at = (const char *)array + offset * size_of_float(l->type), .stride = l->classes, .type = l->type};
}
/* Class 0 of a row in an array with one number per class. */
XENT_INLINE strided strided_row(const xent_call *call, const void *array, const xent_layout *l, row_span span) {
  return array ? strided_at(array, l, class_offset(call, l, span)) : (strided){0};
}
XENT_INLINE bool is_direct(const strided *s) { return s->type == XENT_F32 && s->stride == 1; }

/* A row of contiguous floats. */
XENT_INLINE const float *direct_row(const xent_call *call, const void *array, const xent_layout *l, int64_t row) {
  return (const float *)array + row_offset(call->shape, l, row);
}

XENT_INLINE float strided_one(const strided *s, int64_t i) { return (float)float_at(s->at, s->type, i * s->stride); }

XENT_INLINE void strided_set(const strided *s, int64_t i, float v) {
  char *at = (char *)(uintptr_t)s->at;
  if (s->type == XENT_F32)
    ((float *)(void *)at)[i * s->stride] = v;
  else
    ((uint16_t *)(void *)at)[i * s->stride] = s->type == XENT_BF16 ? narrow_bf16(v) : narrow_f16(v);
}

/* Copies fewer than sixteen halves, in two pieces that may overlap. */
XENT_INLINE void copy_few(uint16_t *to, const uint16_t *from, int64_t n) {
#define XENT_COPY(size)                                                       \
  if (n >= (size)) {                                                          \
    memcpy(to, from, (size) * sizeof *to);                                    \
    memcpy(to + n - (size), from + n - (size), (size) * sizeof *to);          \
    return;                                                                   \
  }
  XENT_COPY(8)
  XENT_COPY(4)
  XENT_COPY(2)
  XENT_COPY(1)
#undef XENT_COPY
}

/* Sixteen numbers from number i on. */
XENT_INLINE lanes whole_lanes(const void *at, int64_t i, const int32_t type) {
  if (type == XENT_F32) return lanes_load((const float *)at + i);
  const uint16_t *halves = (const uint16_t *)at + i;
  return type == XENT_BF16 ? lanes_load_bf16(halves) : lanes_load_f16(halves);
}
XENT_INLINE void store_halves(uint16_t *to, const int32_t type, lanes v) {
  if (type == XENT_BF16)
    lanes_store_bf16(to, v);
  else
    lanes_store_f16(to, v);
}
/* The first n < 16 of them, then +0. */
XENT_INLINE lanes first_lanes(const void *at, int64_t i, int64_t n, const int32_t type) {
  if (type == XENT_F32) return lanes_load_part((const float *)at + i, n, 0.0f);
  uint16_t few[XENT_LANES];
  halves_first(few, (const uint16_t *)at + i, n);
  return whole_lanes(few, 0, type);
}

/* Copies `count` numbers from one stride to another. */
XENT_INLINE void copy_floats(float *to, int64_t to_stride, const float *from, int64_t from_stride,
                             const int64_t count) {
  XENT_UNROLL(16)
  for (int64_t k = 0; k < count; k++) to[k * to_stride] = from[k * from_stride];
}
XENT_INLINE void copy_halves(uint16_t *to, int64_t to_stride, const uint16_t *from, int64_t from_stride,
                             const int64_t count) {
  XENT_UNROLL(16)
  for (int64_t k = 0; k < count; k++) to[k * to_stride] = from[k * from_stride];
}

/* Loads numbers with a stride, or fewer halves than a vector. */
XENT_SHARED lanes strided_few(const strided *s, int64_t i, int64_t n, float fill) {
  XENT_ALIGNED float v[XENT_LANES];
  uint16_t halves[XENT_LANES] = {0};
  const float *x = (const float *)(const void *)s->at + i * s->stride;
  const uint16_t *h = (const uint16_t *)(const void *)s->at + i * s->stride;
  const bool floats = s->type == XENT_F32;
  if (n >= XENT_LANES) {
    floats ? copy_floats(v, 1, x, s->stride, XENT_LANES) : copy_halves(halves, 1, h, s->stride, XENT_LANES);
    return floats ? lanes_load(v) : whole_lanes(halves, 0, s->type);
  }
  floats ? copy_floats(v, 1, x, s->stride, n) : copy_halves(halves, 1, h, s->stride, n);
  if (!floats) lanes_store(v, whole_lanes(halves, 0, s->type));
  return lanes_load_part(v, n, fill);
}
XENT_SHARED void strided_set_few(const strided *s, int64_t i, int64_t n, lanes v) {
  XENT_ALIGNED float numbers[XENT_LANES];
  uint16_t halves[XENT_LANES];
  char *at = (char *)(uintptr_t)s->at;
  float *y = (float *)(void *)at + i * s->stride;
  uint16_t *h = (uint16_t *)(void *)at + i * s->stride;
  const bool floats = s->type == XENT_F32;
  floats ? lanes_store(numbers, v) : store_halves(halves, s->type, v);
  if (n >= XENT_LANES)
    floats ? copy_floats(y, s->stride, numbers, 1, XENT_LANES) : copy_halves(h, s->stride, halves, 1, XENT_LANES);
  else
    floats ? copy_floats(y, s->stride, numbers, 1, n) : copy_halves(h, s->stride, halves, 1, n);
}

/* Numbers i.. of the row, of which n are left: `fill` for absent ones. */
XENT_INLINE lanes strided_load(const strided *s, int64_t i, int64_t n, float fill) {
  if (s->stride == 1 && s->type == XENT_F32) {
    const float *x = (const float *)(const void *)s->at + i;
    return n >= XENT_LANES ? lanes_load(x) : lanes_load_part(x, n, fill);
  }
  return s->stride != 1 || n < XENT_LANES ? strided_few(s, i, n, fill) : whole_lanes(s->at, i, s->type);
}
XENT_INLINE void strided_store(const strided *s, int64_t i, int64_t n, lanes v) {
  char *at = (char *)(uintptr_t)s->at;
  if (s->stride == 1 && s->type == XENT_F32) {
    lanes_store_part((float *)(void *)at + i, n, v);
  } else if (s->stride != 1) {
    strided_set_few(s, i, n, v);
  } else {
    uint16_t few[XENT_LANES], *end = (uint16_t *)(void *)at + i, *to = n < XENT_LANES ? few : end;
    store_halves(to, s->type, v);
    if (n < XENT_LANES) copy_few(end, few, n);
  }
}

/* Stores the same number at [begin, end). */
XENT_SHARED void strided_fill(const strided *s, int64_t begin, int64_t end, float value) {
  for (int64_t i = begin; i < end; i += XENT_LANES) strided_store(s, i, end - i, lanes_set(value));
}

#endif
