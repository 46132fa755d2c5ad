/* SPDX-License-Identifier: Apache-2.0 */
/* Writing what there is one of per row: each in the type of its array. */
#ifndef XENT_GENERAL_RESULTS_H
#define XENT_GENERAL_RESULTS_H

#include "kernels/row/entries.h"

/* Rounded once; a NaN becomes the canonical one of the type. */
static inline void put_number(void *array, int32_t type, int64_t at, double v) {
  const uint32_t quiet = 0x7fc00000u;
  const uint64_t wide_quiet = 0x7ff8000000000000ull;
  const float narrow = (float)v;
  switch (type) {
    case XENT_F64: memcpy((double *)array + at, v != v ? (const void *)&wide_quiet : &v, sizeof v); break;
    case XENT_F32: memcpy((float *)array + at, v != v ? (const void *)&quiet : &narrow, sizeof narrow); break;
    case XENT_F16: ((uint16_t *)array)[at] = narrow_f16(float_to_odd(v)); break;
    default: ((uint16_t *)array)[at] = narrow_bf16(float_to_odd(v));
  }
}
static inline void put_float(void *array, const xent_layout *l, int64_t at, double value) {
  put_number(array, l->type, at, value);
}
static inline void put_class(void *array, const xent_layout *l, int64_t at, int64_t class) {
  if (l->type == XENT_I32)
    ((int32_t *)array)[at] = (int32_t)class;
  else
    ((int64_t *)array)[at] = class;
}

typedef struct {
  double loss, log_sum_exp, log_probability, entropy;
  int64_t argmax, rank;
  uint8_t hit;
} row_outputs;

/* In F32 arithmetic the numbers are floats already. The tally is the caller's matter. */
static inline void write_row_outputs(const xent_call *call, int64_t row, const row_outputs *r) {
  const xent_shape *s = call->shape;
  if (call->losses) put_float(call->losses, &s->losses, row_offset(s, &s->losses, row), r->loss);
  if (call->log_sum_exp) put_float(call->log_sum_exp, &s->log_sum_exp, row_offset(s, &s->log_sum_exp, row), r->log_sum_exp);
  if (call->log_probabilities)
    put_float(call->log_probabilities, &s->log_probabilities, row_offset(s, &s->log_probabilities, row), r->log_probability);
  if (call->entropies) put_float(call->entropies, &s->entropies, row_offset(s, &s->entropies, row), r->entropy);
  if (call->argmax) put_class(call->argmax, &s->argmax, row_offset(s, &s->argmax, row), r->argmax);
  if (call->ranks) put_class(call->ranks, &s->ranks, row_offset(s, &s->ranks, row), r->rank);
  if (call->hits) call->hits[row_offset(s, &s->hits, row)] = r->hit;
}

/* Place k of the largest classes of a row. */
static inline void write_top(const xent_call *call, int64_t row, int64_t k, int64_t class, double log_probability) {
  const xent_shape *s = call->shape;
  if (call->top_classes)
    put_class(call->top_classes, &s->top_classes, row_offset(s, &s->top_classes, row) + k * s->top_classes.classes, class);
  if (call->top_log_probabilities)
    put_float(call->top_log_probabilities, &s->top_log_probabilities,
              row_offset(s, &s->top_log_probabilities, row) + k * s->top_log_probabilities.classes, log_probability);
}

#endif
