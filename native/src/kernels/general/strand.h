/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of a row in an array of F32, F16 or BF16: read as floats that lie side by side, and written from such. */
#ifndef XENT_GENERAL_STRAND_H
#define XENT_GENERAL_STRAND_H

#include "kernels/row/emit.h"
#include "kernels/row/entries.h"

/* Where number 0 lies, and how far the others are apart. Arrays that are written are not const behind this. */
typedef struct {
  const char *at;
  int64_t stride;
  int32_t type;
} strand;

XENT_INLINE int64_t size_of_float_type(int32_t type) { return type == XENT_F32 ? 4 : 2; }

/* Of an array with a number per class; class 0 of the row. */
XENT_INLINE strand strand_of_row(const xent_call *call, const void *array, const xent_layout *l, row_span span) {
  if (!array) return (strand){0};
  return (strand){.at = (const char *)array + class_offset(call, l, span) * size_of_float_type(l->type),
                  .stride = l->classes,
                  .type = l->type};
}

XENT_INLINE bool is_direct(const strand *s) { return s->type == XENT_F32 && s->stride == 1; }

XENT_INLINE void widen_halves(const uint16_t *from, int64_t n, float *to, const bool bf16) {
  int64_t i = 0;
  for (; i + XENT_LANES <= n; i += XENT_LANES)
    lanes_store(to + i, bf16 ? lanes_load_bf16(from + i) : lanes_load_f16(from + i));
  for (; i < n; i++) to[i] = bf16 ? widen_bf16(from[i]) : widen_f16(from[i]);
}

XENT_SHARED void gather(const strand *s, int64_t begin, int64_t n, float *to) {
  const int64_t stride = s->stride;
  if (s->type == XENT_F32) {
    const float *from = (const float *)(const void *)s->at + begin * stride;
    for (int64_t i = 0; i < n; i++) to[i] = from[i * stride];
    return;
  }
  const uint16_t *from = (const uint16_t *)(const void *)s->at + begin * stride;
  if (s->type == XENT_BF16)
    for (int64_t i = 0; i < n; i++) to[i] = widen_bf16(from[i * stride]);
  else
    for (int64_t i = 0; i < n; i++) to[i] = widen_f16(from[i * stride]);
}

/* n floats from number `begin` on: the array itself where it holds them so, else a copy in `buffer`. */
XENT_SHARED const float *strand_floats(const strand *s, int64_t begin, int64_t n, float *buffer) {
  if (is_direct(s)) return (const float *)(const void *)s->at + begin;
  const uint16_t *halves = (const uint16_t *)(const void *)s->at + begin;
  if (s->stride != 1 || s->type == XENT_F32)
    gather(s, begin, n, buffer);
  else if (s->type == XENT_BF16)
    widen_halves(halves, n, buffer, true);
  else
    widen_halves(halves, n, buffer, false);
  return buffer;
}

XENT_INLINE void scatter(const strand *s, int64_t begin, int64_t n, const float *v) {
  const int64_t stride = s->stride;
  char *at = (char *)(uintptr_t)s->at;
  if (s->type == XENT_F32) {
    float *to = (float *)(void *)at + begin * stride;
    for (int64_t i = 0; i < n; i++) to[i * stride] = v[i];
    return;
  }
  uint16_t *to = (uint16_t *)(void *)at + begin * stride;
  if (s->type == XENT_BF16)
    for (int64_t i = 0; i < n; i++) to[i * stride] = narrow_bf16(v[i]);
  else
    for (int64_t i = 0; i < n; i++) to[i * stride] = narrow_f16(v[i]);
}

XENT_INLINE void narrow_halves(const float *from, int64_t n, uint16_t *to, const bool bf16, const bool stream) {
  int64_t i = 0;
  if (stream)
    for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
      const lanes a = lanes_load(from + i), b = lanes_load(from + i + XENT_LANES);
      if (bf16)
        lanes_stream_bf16(to + i, a, b);
      else
        lanes_stream_f16(to + i, a, b);
    }
  for (; i + XENT_LANES <= n; i += XENT_LANES)
    if (bf16)
      lanes_store_bf16(to + i, lanes_load(from + i));
    else
      lanes_store_f16(to + i, lanes_load(from + i));
  for (; i < n; i++) to[i] = bf16 ? narrow_bf16(from[i]) : narrow_f16(from[i]);
}

/* n of the row's numbers from `begin` on become v, each rounded to the array's type. */
XENT_SHARED void strand_put(const strand *s, int64_t begin, int64_t n, const float *v, bool stream) {
  char *at = (char *)(uintptr_t)s->at;
  if (s->stride != 1) {
    scatter(s, begin, n, v);
    return;
  }
  if (s->type == XENT_F32) {
    float *to = (float *)(void *)at + begin;
    if (to == v) return;
    if (!stream || (uintptr_t)to % XENT_STREAM_ALIGNMENT) {
      memcpy(to, v, (size_t)n * sizeof *to);
      return;
    }
    int64_t i = 0;
    for (; i + XENT_LANES <= n; i += XENT_LANES) lanes_stream(to + i, lanes_load(v + i));
    for (; i < n; i++) to[i] = v[i];
    return;
  }
  uint16_t *to = (uint16_t *)(void *)at + begin;
  const bool past = stream && (uintptr_t)to % XENT_STREAM_ALIGNMENT == 0;
  if (s->type == XENT_BF16)
    past ? narrow_halves(v, n, to, true, true) : narrow_halves(v, n, to, true, false);
  else
    past ? narrow_halves(v, n, to, false, true) : narrow_halves(v, n, to, false, false);
}

/* The same number in n places. */
XENT_SHARED void strand_fill(const strand *s, int64_t begin, int64_t end, float value) {
  float same[XENT_GROUP];
  for (int k = 0; k < XENT_GROUP; k++) same[k] = value;
  for (int64_t i = begin; i < end; i += XENT_GROUP)
    strand_put(s, i, end - i < XENT_GROUP ? end - i : XENT_GROUP, same, false);
}

#endif
