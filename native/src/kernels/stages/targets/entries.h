/* SPDX-License-Identifier: Apache-2.0 */
/* The layouts of arrays: the begin of a row, whether rows are adjacent, and single entries of arrays of several types:
 * labels, weights, masks, sparse targets, offsets of ragged rows. */
#ifndef XENT_ENTRIES_H
#define XENT_ENTRIES_H

#include "kernels/kernels.h"
#include "numerics/halves.h"

enum { XENT_NO_CLASS = -1 };

/* Functions that many places use are compiled once and called. */
#define XENT_CALLED static __attribute__((noinline, unused))

/* Offset, in elements, of class 0 of a row. It is computed unsigned: logits of a layer that are never stored may have
 * offsets above 2^63; the stored part does not. */
static inline int64_t row_offset(const xent_shape *shape, const xent_layout *layout, int64_t row) {
  const uint64_t outer = (uint64_t)layout->outer, inner = (uint64_t)layout->inner;
  if (shape->inner == 1) return (int64_t)((uint64_t)row * outer);
  return (int64_t)((uint64_t)(row / shape->inner) * outer + (uint64_t)(row % shape->inner) * inner);
}

/* Whether neighbours in memory have the same class and belong to adjacent rows. */
static inline bool side_by_side(const xent_shape *shape, const xent_layout *layout) {
  return layout->classes != 1 && (shape->inner > 1 ? layout->inner == 1 : layout->outer == 1);
}

/* Whether few lanes are idle if each lane of a vector of this length has a row: the rows fill whole vectors, or are
 * many, or have few classes; `most` is the limit if every lane has a row. */
static inline bool lanes_are_filled(int64_t rows, int64_t length, int64_t classes, int64_t most) {
  const int64_t places = (rows + length - 1) / length * length;
  return places == rows || rows >= 8 * length || classes * places <= most * rows;
}

/* Loads a label once: memory may change during a call, and the checked value must be the used one. A U64 above
 * INT64_MAX becomes negative: not a class. */
static inline int64_t load_label_at(const void *targets, int32_t type, int64_t at) {
  switch (type) {
    case XENT_I8: return ((const volatile int8_t *)targets)[at];
    case XENT_U8: return ((const volatile uint8_t *)targets)[at];
    case XENT_I16: return ((const volatile int16_t *)targets)[at];
    case XENT_I32: return ((const volatile int32_t *)targets)[at];
    case XENT_U16: return ((const volatile uint16_t *)targets)[at];
    case XENT_U32: return ((const volatile uint32_t *)targets)[at];
    default: return ((const volatile int64_t *)targets)[at];
  }
}

/* load_label_at for single labels, outside loops. */
XENT_CALLED int64_t one_label_at(const void *targets, int32_t type, int64_t at) {
  return load_label_at(targets, type, at);
}

/* Whether a loaded label, or one that would be loaded, exceeds INT64_MAX. */
static inline bool is_beyond_labels(int32_t type, int64_t label) { return label < 0 && type == XENT_U64; }

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
XENT_CALLED double other_float_at(const void *array, int32_t type, int64_t at) { return float_at(array, type, at); }
static inline double one_float_at(const void *array, int32_t type, int64_t at) {
  return type == XENT_F32 ? (double)((const float *)array)[at] : other_float_at(array, type, at);
}

/* The number of a row, or `otherwise` without an array. */
static inline double row_number(const xent_call *call, const void *array, const xent_layout *l, int64_t row,
                                double otherwise) {
  return array ? one_float_at(array, l->type, row_offset(call->shape, l, row)) : otherwise;
}

/* A row, its number of classes, and the begin of its classes in arrays of ragged rows. */
typedef struct {
  int64_t row, begin, classes;
} row_span;

/* Offsets may change during a call that has checked them, so the loaded ones are limited to the checked range. */
XENT_CALLED row_span span_of_ragged_row(const xent_call *call, int64_t row) {
  const int32_t type = call->shape->row_offsets.type;
  const int64_t from = load_label_at(call->row_offsets, type, row);
  const int64_t to = load_label_at(call->row_offsets, type, row + 1);
  const int64_t last = call->ragged_end, begin = from < 0 ? 0 : from < last ? from : last, end = to < last ? to : last;
  const int64_t n = end < begin ? 0 : end - begin;
  return (row_span){row, begin, n < call->shape->classes ? n : call->shape->classes};
}
/* Should be called once per row. */
static inline row_span span_of_row(const xent_call *call, int64_t row) {
  return call->row_offsets ? span_of_ragged_row(call, row) : (row_span){row, 0, call->shape->classes};
}

/* Offset, in elements, of class 0 of a row of an array with one number per class. */
static inline int64_t class_offset(const xent_call *call, const xent_layout *layout, row_span span) {
  return call->row_offsets ? span.begin * layout->classes : row_offset(call->shape, layout, span.row);
}

/* Whether a class of a row is not masked. `class` counts from the first class of the arrays. */
static inline bool takes_part(const xent_call *call, row_span span, int64_t class) {
  if (!call->class_mask) return true;
  const xent_layout *l = &call->shape->class_mask;
  return ((const uint8_t *)call->class_mask)[class_offset(call, l, span) + class * l->classes] != 0;
}

static inline double class_weight_at(const xent_call *call, int64_t class) {
  const xent_layout *l = &call->shape->class_weights;
  return call->class_weights ? one_float_at(call->class_weights, l->type, class * l->classes) : 1.0;
}

#endif
