/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is checked before the first store. */
#ifndef XENT_CHECKS_H
#define XENT_CHECKS_H

#include "cpu/float_mode.h"
#include "kernels/kernels.h"

/* One array of a call. */
typedef struct {
  const void *address;
  const xent_layout *layout;
  int32_t field;
  bool per_row;      /* one entry per row, not per class */
  int64_t entries;   /* so many per row, along the layout's classes; 0: as per_row says */
  bool written;
  bool optional;     /* may be NULL */
  int32_t in_place;  /* fields (as bits, see XENT_IN_PLACE) that it may be, at the same address and strides */
  uint32_t types;    /* allowed, as bits 1 << XENT_F32 ... */
} xent_array;

/* In each arithmetic the types that an array of floats may have. */
enum {
  XENT_FLOAT_TYPES = XENT_TYPE_BIT(XENT_F32) | XENT_TYPE_BIT(XENT_F16) | XENT_TYPE_BIT(XENT_BF16),
  XENT_WIDE_TYPES = XENT_TYPE_BIT(XENT_F64) | XENT_TYPE_BIT(XENT_F32),
  XENT_ALL_FLOATS = XENT_FLOAT_TYPES | XENT_WIDE_TYPES,
  XENT_CLASS_TYPES = XENT_TYPE_BIT(XENT_I32) | XENT_TYPE_BIT(XENT_I64)
};

/* A call while it is being checked. Structs of another size than ours are copied into whole ones. */
typedef struct {
  float_mode mode; /* of the thread, before the call */
  xent_call call;
  const xent_kernels *kernels;
  const xent_shape *shape;
  const xent_options *options;
  xent_report *report;
  int64_t rows, elements;
  int64_t ragged_elements; /* of all ragged rows together */
  bool ragged;
  bool wide;    /* float64 arithmetic */
  bool general; /* not a plain call, see kernels/kernels.h */
  uint32_t floats; /* XENT_FLOAT_TYPES or XENT_WIDE_TYPES */
  xent_layout class_weights;
  xent_shape other_shape;
  xent_options other_options;
  xent_report other_report;
} xent_frame;

/* Tells the report what a status speaks of, and returns the status. */
__attribute__((cold)) xent_status xent_refuse(xent_frame *frame, xent_status status, int32_t field,
                                              int64_t integer);

/* Structs, options and shape, from here on in the float mode of the contract: weights and options are compared too. The type of the logits decides the arithmetic, in a backward that of y. */
xent_status xent_frame_begin(xent_frame *frame, const xent_shape *shape, const xent_options *options,
                             xent_report *report, bool backward);
/* The call is about all classes, not about those of a shard. */
xent_status xent_check_whole(xent_frame *frame);
/* Ragged rows: their offsets, of the rows of the call. */
xent_status xent_check_row_offsets(xent_frame *frame, const void *row_offsets);
/* The statistics that a call is given are of this kind, and finished. */
xent_status xent_check_statistics(xent_frame *frame, const xent_statistics *statistics, uint32_t kind);
/* Hands the report out, and puts the float mode back. */
xent_status xent_frame_end(const xent_frame *frame, xent_report *report, xent_status status);

/* Types, NULLs, alignment, extents, then overlaps. Most short calls need not ask: plain.h. */
xent_status xent_check_arrays(xent_frame *frame, const xent_array *arrays, int count);

/* ---- what follows is in every short call: inline, so that a few compares are left of it ---------- */

/* The rows and classes that are worked on. */
static inline xent_status xent_frame_ranges(xent_frame *f, int64_t row_begin, int64_t row_end,
                                            int64_t class_begin, int64_t class_end) {
  const int64_t classes = f->shape->classes;
  f->call.row_begin = row_begin;
  f->call.row_end = row_end;
  f->call.class_begin = class_begin;
  f->call.class_end = class_end;
  if (row_begin < 0 || row_begin > row_end || row_end > f->rows)
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_RANGE, row_end);
  if (class_begin < 0 || class_begin > class_end || class_end > classes || class_begin % XENT_CHUNK ||
      (class_end % XENT_CHUNK && class_end != classes))
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE, class_begin);
  return XENT_OK;
}

/* An address that must have the alignment of its struct, and not be NULL unless it is optional. */
static inline xent_status xent_check_struct(xent_frame *f, const void *address, size_t alignment, int32_t field,
                                            bool optional) {
  const bool fits = address ? ((uintptr_t)address & (alignment - 1)) == 0 : optional;
  return fits ? XENT_OK : xent_refuse(f, XENT_INVALID_ARGUMENT, field, 0);
}

static inline int64_t xent_type_size(int32_t type) {
  const uint32_t one = XENT_TYPE_BIT(XENT_I8) | XENT_TYPE_BIT(XENT_U8),
                 two = XENT_TYPE_BIT(XENT_F16) | XENT_TYPE_BIT(XENT_BF16) | XENT_TYPE_BIT(XENT_I16),
                 four = XENT_TYPE_BIT(XENT_F32) | XENT_TYPE_BIT(XENT_I32), bit = XENT_TYPE_BIT(type);
  return bit & four ? 4 : bit & one ? 1 : bit & two ? 2 : 8;
}

#endif
