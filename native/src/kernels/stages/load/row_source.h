/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logits of a row for every pass, as contiguous floats: widened, capped, minus the shift, -inf if they are masked.
 * If none of these steps applies, they are the tensor itself.
 */
#ifndef XENT_ROW_SOURCE_H
#define XENT_ROW_SOURCE_H

#include "kernels/stages/load/strided.h"
#include "kernels/math/class_rules.h"
#include "kernels/stages/targets/targets.h"

enum { XENT_STEP_SHIFT = 10, XENT_STEP = 1 << XENT_STEP_SHIFT }; /* the data of a step stays in the first-level cache */

XENT_INLINE int64_t step_length(int64_t begin, int64_t end) {
  return end - begin < XENT_STEP ? end - begin : XENT_STEP;
}

typedef struct {
  const xent_call *call;
  row_span span;
  int64_t row, classes; /* classes: those in the arrays */
  int64_t first, all;   /* the position of the first in the whole row, and the number of classes of the whole row */
  strided x;
  const uint8_t *mask;
  int64_t mask_stride;
  float cap, uncap;     /* softcap and its reciprocal; 0: no softcap */
  float *slopes;        /* of the softcap from class slopes_at on, if they are kept, or NULL */
  int64_t slopes_at;
  float out;            /* the value of masked and absent classes */
  bool direct;          /* no step is needed except subtracting a shift */
} row_source;

/* Sets the fields that differ between rows. */
XENT_INLINE void move_row_source(row_source *r, row_span span, const void *array, const xent_layout *l) {
  const xent_call *call = r->call;
  r->span = span;
  r->row = span.row;
  r->classes = span.classes;
  r->all = all_classes_of_row(call, span);
  r->x.at = strided_row(call, array, l, span).at;
  if (r->mask) r->mask = (const uint8_t *)call->class_mask + class_offset(call, &call->shape->class_mask, span);
}
XENT_INLINE void set_row_source(row_source *r, const xent_call *call, row_span span, const void *array,
                                const xent_layout *l, double softcap) {
  memset(r, 0, sizeof *r);
  r->call = call;
  r->first = call->shape->first_class;
  r->x = strided_row(call, array, l, span);
  r->cap = (float)softcap;
  if (softcap != 0) r->uncap = (float)(1 / softcap);
  r->mask = (const uint8_t *)call->class_mask;
  r->mask_stride = call->shape->class_mask.classes;
  r->out = -INFINITY;
  r->direct = is_direct(&r->x) && !r->mask && softcap == 0; /* supported.h: all options that change logits */
  move_row_source(r, span, array, l);
}
XENT_INLINE row_source row_source_of(const xent_call *call, row_span span, const void *array, const xent_layout *l,
                                     double softcap) {
  row_source r;
  set_row_source(&r, call, span, array, l, softcap);
  return r;
}
XENT_INLINE row_source logits_of_row(const xent_call *call, int64_t row) {
  return row_source_of(call, span_of_row(call, row), call->logits, &call->shape->logits, call->options->softcap);
}

/* The mask of class i of a row, or NULL. */
XENT_INLINE const uint8_t *mask_at(const row_source *r, int64_t i) {
  return r->mask ? r->mask + i * r->mask_stride : NULL;
}
XENT_INLINE bool is_counted(const row_source *r, int64_t class) { return !r->mask || r->mask[class * r->mask_stride]; }

XENT_INLINE int64_t count_classes(const row_source *r, int64_t begin, int64_t n) {
  if (!r->mask) return n;
  enum { BYTES = 64 };
  int64_t counted = 0, i = begin;
  for (; r->mask_stride == 1 && i + BYTES <= begin + n; i += BYTES) {
    uint8_t in_piece = 0;
    for (int k = 0; k < BYTES; k++) in_piece = (uint8_t)(in_piece + (r->mask[i + k] != 0));
    counted += in_piece;
  }
  for (; i < begin + n; i++) counted += r->mask[i * r->mask_stride] != 0;
  return counted;
}

/* Sixteen numbers of which n are left; `out` for masked and absent classes. */
XENT_INLINE lanes where_counted(const uint8_t *mask, int64_t stride, int64_t n, lanes v, float out) {
  if (stride == 1 && n >= XENT_LANES) return lanes_where_set(mask, v, lanes_set(out));
  if (stride == 1) return lanes_where_set_part(mask, n, v, lanes_set(out));
  uint8_t set[XENT_LANES] = {0};
  for (int64_t k = 0; k < XENT_LANES && k < n; k++) set[k] = mask[k * stride];
  return lanes_where_set(set, v, lanes_set(out));
}

/* A vector of contiguous floats, of which n are left; -inf for masked and absent ones. */
XENT_INLINE lanes masked_floats(const float *x, const uint8_t *mask, int64_t n) {
  const lanes out = lanes_set(-INFINITY);
  if (n >= XENT_LANES) return lanes_where_set(mask, lanes_load(x), out);
  return n > 0 ? lanes_where_set_part(mask, n, lanes_load_part(x, n, -INFINITY), out) : out;
}

/* The softcap of `count` vectors, and its derivatives. */
XENT_INLINE void cap_vectors(const row_source *r, lanes *x, lanes *slope, const int count) {
  class_softcap(r->cap, r->uncap, x, slope, count);
}
XENT_INLINE lanes capped(const row_source *r, lanes x, lanes *slope) {
  lanes v[1] = {x};
  cap_vectors(r, v, slope, 1);
  return v[0];
}

/* Sixteen logits from class i on, of which n are left; -inf for absent ones. */
XENT_INLINE lanes row_lanes(const row_source *r, int64_t i, int64_t n, float shift) {
  lanes slope, v = strided_load(&r->x, i, n, r->out);
  if (r->cap != 0) {
    v = capped(r, v, &slope);
    if (r->slopes) lanes_store(r->slopes + i - r->slopes_at, slope);
  }
  if (shift != 0) v = lanes_sub(v, lanes_set(shift));
  if (r->mask) return where_counted(r->mask + i * r->mask_stride, r->mask_stride, n, v, r->out);
  if (r->cap == 0 || n >= XENT_LANES) return v;
  XENT_ALIGNED float few[XENT_LANES];
  lanes_store(few, v);
  return lanes_load_part(few, n, r->out);
}

/* Applies the softcap to XENT_IN_FLIGHT whole vectors. */
XENT_INLINE void copy_capped(const row_source *r, int64_t i, float shift, float *to, lanes *largest) {
  lanes v[XENT_IN_FLIGHT], slope[XENT_IN_FLIGHT];
  XENT_UNROLL(4)
  for (int j = 0; j < XENT_IN_FLIGHT; j++) v[j] = strided_load(&r->x, i + j * XENT_LANES, XENT_LANES, 0);
  cap_vectors(r, v, slope, XENT_IN_FLIGHT);
  XENT_UNROLL(4)
  for (int j = 0; j < XENT_IN_FLIGHT; j++) {
    const int64_t at = i + j * XENT_LANES;
    if (r->slopes) lanes_store(r->slopes + at - r->slopes_at, slope[j]);
    if (shift != 0) v[j] = lanes_sub(v[j], lanes_set(shift));
    if (r->mask) v[j] = where_counted(r->mask + at * r->mask_stride, r->mask_stride, XENT_LANES, v[j], r->out);
    lanes_store(to + j * XENT_LANES, v[j]);
    *largest = lanes_max(v[j], *largest);
  }
}

/* Copies the whole pairs of vectors among n contiguous logits. Returns the number of copied logits. */
XENT_INLINE int64_t copy_pairs(const row_source *r, int64_t begin, int64_t n, const int32_t type, float *to,
                               lanes *largest) {
  const char *x = r->x.at + begin * size_of_float(type);
  const uint8_t *mask = r->mask ? r->mask + begin : NULL;
  const lanes out = lanes_set(r->out);
  lanes even = *largest, odd = *largest;
  int64_t i = 0;
  for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes v = whole_lanes(x, i, type), w = whole_lanes(x, i + XENT_LANES, type);
    if (mask) {
      v = lanes_where_set(mask + i, v, out);
      w = lanes_where_set(mask + i + XENT_LANES, w, out);
    }
    lanes_store(to + i, v);
    lanes_store(to + i + XENT_LANES, w);
    even = lanes_max(v, even);
    odd = lanes_max(w, odd);
  }
  if (i < n && n >= XENT_LANES && (type != XENT_F32 || mask)) { /* the last whole vector covers the rest */
    if (n % XENT_LANES) lanes_store(to + n / XENT_LANES * XENT_LANES, out);
    for (; i < n; i = n - i > XENT_LANES ? n - XENT_LANES : n) {
      const int64_t at = n - i < XENT_LANES ? n - XENT_LANES : i;
      lanes v = whole_lanes(x, at, type);
      if (mask) v = lanes_where_set(mask + at, v, out);
      lanes_store(to + at, v);
      even = lanes_max(v, even);
    }
  }
  *largest = lanes_max(even, odd);
  return i;
}

/* Copies n logits from class `begin` on to `to`, padded with -inf to whole vectors. Returns the largest in each
 * lane. */
XENT_SHARED lanes copy_row(const row_source *r, int64_t begin, int64_t n, float shift, float *to) {
  lanes largest = lanes_set(-INFINITY);
  int64_t i = 0;
  if (r->x.stride == 1 && r->cap == 0 && shift == 0 && (!r->mask || r->mask_stride == 1))
    i = r->x.type == XENT_F32    ? copy_pairs(r, begin, n, XENT_F32, to, &largest)
        : r->x.type == XENT_BF16 ? copy_pairs(r, begin, n, XENT_BF16, to, &largest)
                                 : copy_pairs(r, begin, n, XENT_F16, to, &largest);
  for (; r->cap != 0 && n - i >= XENT_IN_FLIGHT * XENT_LANES; i += XENT_IN_FLIGHT * XENT_LANES)
    copy_capped(r, begin + i, shift, to + i, &largest);
  for (; i < n; i += XENT_LANES) {
    const lanes v = row_lanes(r, begin + i, n - i, shift);
    lanes_store(to + i, v);
    largest = lanes_max(v, largest);
  }
  return largest;
}

/* n logits from class `begin` on: the tensor itself, or a copy. */
XENT_INLINE const float *row_floats(const row_source *r, int64_t begin, int64_t n, float shift, float *buffer) {
  if (r->direct && shift == 0) return (const float *)(const void *)r->x.at + begin;
  copy_row(r, begin, n, shift, buffer);
  return buffer;
}

XENT_INLINE float row_one(const row_source *r, int64_t class, float shift) {
  XENT_ALIGNED float one[XENT_LANES];
  if (r->direct && shift == 0) return ((const float *)(const void *)r->x.at)[class];
  copy_row(r, class, 1, shift, one);
  return one[0];
}

#endif
