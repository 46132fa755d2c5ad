/* SPDX-License-Identifier: Apache-2.0 */
/* Where a row's entries lie, its label, and the scale of gradients. */
#ifndef XENT_LABELS_H
#define XENT_LABELS_H

#include "kernels/kernels.h"

/* Offset, in elements, of class 0 of a row. */
static inline int64_t row_offset(const xent_shape *shape, const xent_layout *layout, int64_t row) {
  if (shape->inner == 1) return row * layout->outer;
  return row / shape->inner * layout->outer + row % shape->inner * layout->inner;
}

/* Read once: memory may change under a call, and what was checked is what is used. */
static inline int64_t load_label_at(const void *targets, int32_t type, int64_t at) {
  switch (type) {
    case XENT_I8: return ((const volatile int8_t *)targets)[at];
    case XENT_U8: return ((const volatile uint8_t *)targets)[at];
    case XENT_I16: return ((const volatile int16_t *)targets)[at];
    case XENT_I32: return ((const volatile int32_t *)targets)[at];
    default: return ((const volatile int64_t *)targets)[at];
  }
}
static inline int64_t load_label(const xent_call *call, int64_t at) {
  return load_label_at(call->targets, call->shape->targets.type, at);
}

static inline bool has_labels(const xent_call *call) {
  return call->targets && !call->shape->target_count && XENT_TYPE_BIT(call->shape->targets.type) & XENT_LABEL_TYPES;
}

static inline double gradient_scale_of(const xent_options *options) {
  return options->has_gradient_scale ? options->gradient_scale : 1.0;
}

typedef struct {
  int64_t index;
  bool ignored;
} row_label;

/* The label of a row, which lies at an offset of the targets. Memory may change under a call that has checked
 * its labels, so every label is checked again before it is used. */
static inline xent_status label_at(const xent_call *call, int64_t row, int64_t at, row_label *label) {
  label->index = load_label(call, at);
  label->ignored = call->options->has_ignore_index && label->index == call->options->ignore_index;
  if (label->ignored || (label->index >= 0 && label->index < call->shape->classes)) return XENT_OK;
  call->report->field = XENT_FIELD_TARGETS;
  call->report->row = row;
  call->report->label = label->index;
  return XENT_INVALID_LABEL;
}

/* The same; left as it is where there are no labels. */
static inline xent_status label_of_row(const xent_call *call, int64_t row, row_label *label) {
  if (!has_labels(call)) return XENT_OK;
  return label_at(call, row, row_offset(call->shape, &call->shape->targets, row), label);
}

#endif
