/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is checked before the first store. */
#ifndef XENT_CHECKS_H
#define XENT_CHECKS_H

#include "kernels/kernels.h"

/* One array of a call. */
typedef struct {
  const void *address;
  const xent_layout *layout;
  int32_t field;
  bool per_row;      /* one entry per row, not per class */
  bool written;
  bool optional;     /* may be NULL */
  int32_t in_place;  /* fields (as bits, see XENT_IN_PLACE) that it may be, at the same address and strides */
  uint32_t types;    /* allowed, as bits 1 << XENT_F32 ... */
} xent_array;

#define XENT_TYPE_BIT(type) (1u << (type))
enum {
  XENT_LABEL_TYPES = XENT_TYPE_BIT(XENT_I8) | XENT_TYPE_BIT(XENT_U8) | XENT_TYPE_BIT(XENT_I16) |
                     XENT_TYPE_BIT(XENT_I32) | XENT_TYPE_BIT(XENT_I64),
  XENT_FLOAT_TYPES = XENT_TYPE_BIT(XENT_F32)
};

/* A call while it is being checked. Structs of another size than ours are copied into whole ones. */
typedef struct {
  xent_call call;
  const xent_kernels *kernels;
  const xent_shape *shape;
  const xent_options *options;
  xent_report report;
  int64_t rows, elements;
  xent_shape other_shape;
  xent_options other_options;
} xent_frame;

/* For a call without a class range. */
typedef struct {
  int64_t begin, end;
  bool whole;
} xent_class_range;
static const xent_class_range xent_all_classes = {.whole = true};

/* Structs, options, shape and ranges. */
xent_status xent_frame_begin(xent_frame *frame, const xent_shape *shape, const xent_options *options,
                             int64_t row_begin, int64_t row_end, xent_class_range classes,
                             const xent_report *report);
/* Types, NULLs, alignment, extents and overlaps. */
xent_status xent_check_arrays(xent_frame *frame, const xent_array *arrays, int count);
/* An address that must not be NULL and has the alignment of its struct. */
xent_status xent_check_struct(xent_frame *frame, const void *address, size_t alignment, int32_t field,
                              bool optional);
/* The statistics that a call is given are of this kind, and finished. */
xent_status xent_check_statistics(xent_frame *frame, const xent_statistics *statistics, uint32_t kind);
/* Hands the report out. */
xent_status xent_frame_end(const xent_frame *frame, xent_report *report, xent_status status);

#endif
