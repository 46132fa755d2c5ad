/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logits of a row as the formulas see them: widened, capped, divided by the temperature, less the shift, and -inf
 * where they are masked. Floats that lie side by side: the tensor itself where there is nothing to do.
 */
#ifndef XENT_GENERAL_PREPARE_H
#define XENT_GENERAL_PREPARE_H

#include "kernels/general/strand.h"
#include "kernels/general/targets.h"
#include "kernels/math/tanh.h"

enum { XENT_STEP = 1024 }; /* what is done to a chunk beside its sum goes in steps that stay in the first cache */

/* One set per call, sized for the longest row: input and kept of a chunk, the others of a step. */
typedef struct {
  float *input, *kept, *kept_reference, *targets, *weights, *counted, *slope, *out;
} general_buffers;

typedef struct {
  const xent_call *call;
  row_span span;
  int64_t row, classes;     /* the span's; classes that the arrays hold */
  int64_t first, all;       /* where they begin in the whole row, and its classes */
  strand x;
  const uint8_t *mask;
  int64_t mask_stride;
  float softcap, temperature;
  bool as_they_are;         /* logits need nothing but perhaps a shift */
  bool late;                /* what smoothing sums is summed in the second pass */
  const float *ready;       /* of a row of one chunk: what has been prepared */
  float ready_shift;
  row_targets t;
} general_row;

XENT_INLINE general_row general_row_of(const xent_call *call, row_span span, const void *logits, const xent_layout *l) {
  const xent_shape *shape = call->shape;
  general_row r = {.call = call, .span = span, .row = span.row, .classes = span.classes, .first = shape->first_class,
                   .all = all_classes_of_row(call, span), .x = strand_of_row(call, logits, l, span),
                   .softcap = (float)call->options->softcap, .temperature = (float)call->options->temperature,
                   .t = {.kind = XENT_KIND_SOFTMAX, .label = XENT_NO_CLASS, .row_weight = 1, .keep = 1}};
  if (call->class_mask) {
    r.mask = (const uint8_t *)call->class_mask + class_offset(call, &shape->class_mask, span);
    r.mask_stride = shape->class_mask.classes;
  }
  r.as_they_are = is_direct(&r.x) && !r.mask && r.softcap == 0 && r.temperature == 0;
  return r;
}

/* 16-bit logits side by side that need nothing but to be widened. */
XENT_INLINE bool has_plain_halves(const general_row *r) {
  return r->x.type != XENT_F32 && r->x.stride == 1 && !r->mask && r->softcap == 0 && r->temperature == 0;
}

XENT_INLINE bool is_counted(const general_row *r, int64_t class) { return !r->mask || r->mask[class * r->mask_stride]; }

XENT_INLINE int64_t count_classes(const general_row *r, int64_t begin, int64_t n) {
  if (!r->mask) return n;
  int64_t counted = 0;
  for (int64_t i = begin; i < begin + n; i++) counted += r->mask[i * r->mask_stride] != 0;
  return counted;
}

/* v becomes `value` where a class is masked. */
XENT_SHARED void mask_values(const general_row *r, int64_t begin, int64_t n, float *v, float value) {
  if (!r->mask) return;
  const uint8_t *mask = r->mask + begin * r->mask_stride;
  if (r->mask_stride == 1)
    for (int64_t i = 0; i < n; i++) v[i] = mask[i] ? v[i] : value;
  else
    for (int64_t i = 0; i < n; i++) v[i] = mask[i * r->mask_stride] ? v[i] : value;
}

/* Softcap, temperature and shift of n floats. slope, where asked for: the softcap's derivative, 1 - t^2. */
XENT_SHARED void transform(const float *x, float *to, float *slope, int64_t n, float softcap, float temperature,
                           float shift) {
  const lanes cap = lanes_set(softcap), tau = lanes_set(temperature), less = lanes_set(shift);
  const lanes one = lanes_set(1), minus = lanes_set(-0.0f);
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    lanes v = lanes_load_part(x + i, n - i, 0.0f);
    if (softcap != 0) {
      const lanes t = tanh_lanes(lanes_div(v, cap));
      if (slope) lanes_store_part(slope + i, n - i, lanes_fma(lanes_sub(minus, t), t, one));
      v = lanes_mul(cap, t);
    }
    if (temperature != 0) v = lanes_div(v, tau);
    if (shift != 0) v = lanes_sub(v, less);
    lanes_store_part(to + i, n - i, v);
  }
}

/* n prepared logits from class `begin` on. */
XENT_INLINE const float *prepared_with_slope(const general_row *r, int64_t begin, int64_t n, float shift, float *buffer,
                                             float *slope) {
  if (r->as_they_are && shift == 0) return strand_floats(&r->x, begin, n, buffer);
  const float *x = strand_floats(&r->x, begin, n, buffer);
  if (r->softcap != 0 || r->temperature != 0 || shift != 0 || (r->mask && x != buffer)) {
    transform(x, buffer, slope, n, r->softcap, r->temperature, shift);
    x = buffer;
  }
  if (r->mask) mask_values(r, begin, n, buffer, -INFINITY);
  return x;
}

XENT_INLINE const float *prepared(const general_row *r, int64_t begin, int64_t n, float shift, float *buffer) {
  if (r->ready && r->ready_shift == shift) return r->ready + begin;
  return prepared_with_slope(r, begin, n, shift, buffer, NULL);
}

/* One prepared logit. */
XENT_INLINE float prepared_one(const general_row *r, int64_t class, float shift) {
  XENT_ALIGNED float one[XENT_LANES];
  return *prepared(r, class, 1, shift, one);
}

#endif
