/* SPDX-License-Identifier: Apache-2.0 */
/* One entry at a time of arrays that may be of several types: weights, masks, sparse targets, ragged rows. */
#ifndef XENT_ENTRIES_H
#define XENT_ENTRIES_H

#include "kernels/row/labels.h"
#include "numerics/halves.h"

/* Any type of floats, or U8; widening is exact. */
static inline double float_at(const void *array, int32_t type, int64_t at) {
  switch (type) {
    case XENT_F32: return (double)((const float *)array)[at];
    case XENT_F16: return (double)widen_f16(((const uint16_t *)array)[at]);
    case XENT_BF16: return (double)widen_bf16(((const uint16_t *)array)[at]);
    case XENT_U8: return ((const uint8_t *)array)[at];
    default: return ((const double *)array)[at];
  }
}

/* A row, how many classes it has, and where they begin in arrays of ragged rows. */
typedef struct {
  int64_t row, begin, classes;
} row_span;

static inline int64_t at_most(int64_t a, int64_t most) { return a < most ? a : most; }

/* To be asked once per row: offsets may change under a call that has checked them, so what is read here is kept within
 * what was checked, and is what is used. */
static inline row_span span_of_row(const xent_call *call, int64_t row) {
  if (!call->row_offsets) return (row_span){row, 0, call->shape->classes};
  const int32_t type = call->shape->row_offsets.type;
  const int64_t from = load_label_at(call->row_offsets, type, row), to = load_label_at(call->row_offsets, type, row + 1);
  const int64_t begin = from < 0 ? 0 : at_most(from, call->ragged_end), end = at_most(to, call->ragged_end);
  return (row_span){row, begin, end < begin ? 0 : at_most(end - begin, call->shape->classes)};
}

/* Offset, in elements, of class 0 of a row of an array that has a number per class. */
static inline int64_t class_offset(const xent_call *call, const xent_layout *layout, row_span span) {
  return call->row_offsets ? span.begin * layout->classes : row_offset(call->shape, layout, span.row);
}

/* Whether a class of a row is not masked. `class` counts from the first that the arrays hold. */
static inline bool takes_part(const xent_call *call, row_span span, int64_t class) {
  if (!call->class_mask) return true;
  const xent_layout *l = &call->shape->class_mask;
  return ((const uint8_t *)call->class_mask)[class_offset(call, l, span) + class * l->classes] != 0;
}

static inline bool is_ignored_class(const xent_call *call, int64_t class) {
  return call->options->has_ignore_index && class == call->options->ignore_index;
}

static inline double class_weight_at(const xent_call *call, int64_t class) {
  const xent_layout *l = &call->shape->class_weights;
  return call->class_weights ? float_at(call->class_weights, l->type, class * l->classes) : 1.0;
}

static inline double row_weight_at(const xent_call *call, int64_t row) {
  const xent_layout *l = &call->shape->row_weights;
  return call->row_weights ? float_at(call->row_weights, l->type, row_offset(call->shape, l, row)) : 1.0;
}

static inline int64_t sparse_class_at(const xent_call *call, int64_t row, int64_t j) {
  const xent_layout *l = &call->shape->targets;
  return load_label_at(call->targets, l->type, row_offset(call->shape, l, row) + j * l->classes);
}

static inline double sparse_weight_at(const xent_call *call, int64_t row, int64_t j) {
  const xent_layout *l = &call->shape->target_weights;
  return float_at(call->target_weights, l->type, row_offset(call->shape, l, row) + j * l->classes);
}

#endif
