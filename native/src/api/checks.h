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
  int32_t in_place;  /* fields (as bits of in_place_bit) that it may be, at the same address and strides */
  uint32_t types;    /* allowed, as bits 1 << XENT_F32 ... */
} xent_array;

#define XENT_TYPE_BIT(type) (1u << (type))
enum {
  XENT_LABEL_TYPES = XENT_TYPE_BIT(XENT_I8) | XENT_TYPE_BIT(XENT_U8) | XENT_TYPE_BIT(XENT_I16) |
                     XENT_TYPE_BIT(XENT_I32) | XENT_TYPE_BIT(XENT_I64),
  XENT_FLOAT_TYPES = XENT_TYPE_BIT(XENT_F32)
};

/* A call while it is being checked: structs of any size the caller knows become whole ones. */
typedef struct {
  xent_call call;
  const xent_kernels *kernels;
  xent_shape shape;
  xent_options options;
  xent_report report;
} xent_frame;

/* Structs, options, shape and ranges. class_end < 0: the call has no class range. */
xent_status xent_frame_begin(xent_frame *frame, const xent_shape *shape, const xent_options *options,
                             int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
                             const xent_report *report);
/* Types, NULLs, alignment, extents and overlaps. */
xent_status xent_check_arrays(xent_frame *frame, const xent_array *arrays, int count);
/* An address that must not be NULL and has the alignment of its struct. */
xent_status xent_check_struct(xent_frame *frame, const void *address, size_t alignment, int32_t field,
                              bool optional);
/* Hands the report out. */
xent_status xent_frame_end(const xent_frame *frame, xent_report *report, xent_status status);

#endif
