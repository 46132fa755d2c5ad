/* SPDX-License-Identifier: Apache-2.0 */
/* Stores outputs per row, each in the type of its array; and computes the digests of states and statistics. */
#ifndef XENT_PUT_H
#define XENT_PUT_H

#include "kernels/stages/targets/entries.h"

/* Stores a number, rounded once; a NaN becomes the canonical one of the type. */
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
static inline void put_row_number(const xent_call *call, void *array, const xent_layout *l, int64_t row, double v) {
  if (array) put_number(array, l->type, row_offset(call->shape, l, row), v);
}
/* Stores n classes from element `at` on. */
static inline void put_classes(void *array, const xent_layout *l, int64_t at, const int64_t *classes, int64_t n) {
  if (l->type == XENT_I32)
    for (int64_t k = 0; k < n; k++) ((int32_t *)array)[at + k * l->classes] = (int32_t)classes[k];
  else
    for (int64_t k = 0; k < n; k++) ((int64_t *)array)[at + k * l->classes] = classes[k];
}
static inline void put_class(void *array, const xent_layout *l, int64_t at, int64_t class) {
  put_classes(array, l, at, &class, 1);
}

/* Entry k of the largest classes of a row. */
static inline void write_top(const xent_call *call, int64_t row, int64_t k, int64_t class, double log_probability) {
  const xent_layout *c = &call->shape->top_classes, *l = &call->shape->top_log_probabilities;
  if (call->top_classes) put_class(call->top_classes, c, row_offset(call->shape, c, row) + k * c->classes, class);
  if (call->top_log_probabilities)
    put_number(call->top_log_probabilities, l->type, row_offset(call->shape, l, row) + k * l->classes, log_probability);
}

#endif
