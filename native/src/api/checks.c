/* SPDX-License-Identifier: Apache-2.0 */
#include "api/checks.h"

#include <math.h>
#include <string.h>

#include "cpu/isa.h"

static xent_status refuse(xent_frame *frame, xent_status status, int32_t field, int64_t integer) {
  frame->report.field = field;
  frame->report.integer = integer;
  return status;
}

static xent_status refuse_option(xent_frame *frame, int32_t field, double value) {
  frame->report.field = field;
  frame->report.value = value;
  return XENT_INVALID_OPTION;
}

/* Copies what both sides know of a sized struct; the rest is 0 and must be 0. */
static bool take_struct(void *to, size_t known, const void *from, uint64_t size) {
  const unsigned char *bytes = from;
  for (uint64_t i = known; i < size; i++)
    if (bytes[i]) return false;
  memset(to, 0, known);
  memcpy(to, from, size < known ? (size_t)size : known);
  return true;
}

static xent_status take_structs(xent_frame *f, const xent_shape *shape, const xent_options *options,
                                const xent_report *report) {
  const size_t least = sizeof(uint64_t), alignment = _Alignof(uint64_t);
  if (!shape || (uintptr_t)shape % alignment || shape->size < least)
    return refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_SHAPE, shape ? (int64_t)shape->size : 0);
  if (!options || (uintptr_t)options % alignment || options->size < least)
    return refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_OPTIONS, options ? (int64_t)options->size : 0);
  if (report && ((uintptr_t)report % alignment || report->size < least))
    return refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_REPORT, (int64_t)report->size);
  if (!take_struct(&f->shape, sizeof f->shape, shape, shape->size))
    return refuse(f, XENT_UNSUPPORTED, XENT_FIELD_SHAPE, (int64_t)shape->size);
  if (!take_struct(&f->options, sizeof f->options, options, options->size))
    return refuse(f, XENT_UNSUPPORTED, XENT_FIELD_OPTIONS, (int64_t)options->size);
  return XENT_OK;
}

static xent_status check_options(xent_frame *f) {
  const xent_options *o = &f->options;
  if (o->isa < XENT_ISA_BEST || o->isa > XENT_ISA_AVX512)
    return refuse(f, XENT_INVALID_OPTION, XENT_FIELD_ISA, o->isa);
  f->kernels = xent_kernels_of(o->isa);
  if (!f->kernels) return refuse(f, XENT_UNSUPPORTED, XENT_FIELD_ISA, o->isa);
  if (o->fully_masked != XENT_FULLY_MASKED_NAN && o->fully_masked != XENT_FULLY_MASKED_ZERO)
    return refuse_option(f, XENT_FIELD_FULLY_MASKED, o->fully_masked);
  if (o->has_ignore_index != 0 && o->has_ignore_index != 1)
    return refuse_option(f, XENT_FIELD_IGNORE_INDEX, o->has_ignore_index);
  if (!(o->label_smoothing >= 0 && o->label_smoothing <= 1))
    return refuse_option(f, XENT_FIELD_LABEL_SMOOTHING, o->label_smoothing);
  if (!isfinite(o->gradient_scale)) return refuse_option(f, XENT_FIELD_GRADIENT_SCALE, o->gradient_scale);
  if (o->reserved) return refuse(f, XENT_UNSUPPORTED, XENT_FIELD_OPTIONS, o->reserved);
  return XENT_OK;
}

static xent_status check_shape(xent_frame *f) {
  const xent_shape *s = &f->shape;
  if (s->classes < 1) return refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_CLASSES, s->classes);
  if (s->outer < 0) return refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SHAPE, s->outer);
  if (s->inner < 0) return refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SHAPE, s->inner);
  int64_t rows, elements;
  if (__builtin_mul_overflow(s->outer, s->inner, &rows) || __builtin_mul_overflow(rows, s->classes, &elements))
    return refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SHAPE, s->classes);
  const xent_call *c = &f->call;
  if (c->row_begin < 0 || c->row_begin > c->row_end || c->row_end > rows)
    return refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_RANGE, c->row_end);
  if (c->class_begin < 0 || c->class_begin > c->class_end || c->class_end > s->classes ||
      c->class_begin % XENT_CHUNK || (c->class_end % XENT_CHUNK && c->class_end != s->classes))
    return refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE, c->class_begin);
  return XENT_OK;
}

xent_status xent_frame_begin(xent_frame *f, const xent_shape *shape, const xent_options *options,
                             int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
                             const xent_report *report) {
  memset(&f->call, 0, sizeof f->call);
  f->report = (xent_report){.row = -1};
  xent_status status = take_structs(f, shape, options, report);
  if (status) return status;
  f->call.shape = &f->shape;
  f->call.options = &f->options;
  f->call.report = &f->report;
  f->call.row_begin = row_begin;
  f->call.row_end = row_end;
  f->call.class_begin = class_end < 0 ? 0 : class_begin;
  f->call.class_end = class_end < 0 ? f->shape.classes : class_end;
  if ((status = check_options(f))) return status;
  return check_shape(f);
}

xent_status xent_frame_end(const xent_frame *f, xent_report *report, xent_status status) {
  const bool usable =
      report && (uintptr_t)report % _Alignof(uint64_t) == 0 && report->size >= sizeof report->size;
  if (!usable) return status;
  const size_t known = report->size < sizeof *report ? (size_t)report->size : sizeof *report;
  const size_t after_size = sizeof report->size;
  memcpy((char *)report + after_size, (const char *)&f->report + after_size, known - after_size);
  return status;
}

xent_status xent_check_struct(xent_frame *f, const void *address, size_t alignment, int32_t field,
                              bool optional) {
  if (!address) return optional ? XENT_OK : refuse(f, XENT_INVALID_ARGUMENT, field, 0);
  return (uintptr_t)address % alignment ? refuse(f, XENT_INVALID_ARGUMENT, field, 0) : XENT_OK;
}

static int64_t type_size(int32_t type) {
  switch (type) {
    case XENT_I8:
    case XENT_U8: return 1;
    case XENT_F16:
    case XENT_BF16:
    case XENT_I16: return 2;
    case XENT_F32:
    case XENT_I32: return 4;
    default: return 8;
  }
}

typedef struct {
  int64_t extent, stride;
} axis;

static int axes_of(const xent_shape *shape, const xent_array *a, axis axes[3]) {
  int n = 0;
  axes[n++] = (axis){shape->outer, a->layout->outer};
  if (!a->per_row) axes[n++] = (axis){shape->classes, a->layout->classes};
  axes[n++] = (axis){shape->inner, a->layout->inner};
  return n;
}

/* Bytes from the first to behind the last element; false where 64 bits do not hold them. */
static bool span_of(const axis *axes, int n, int64_t element, int64_t *bytes) {
  int64_t last = 0, reach;
  for (int i = 0; i < n; i++) {
    if (axes[i].extent == 0) {
      *bytes = 0;
      return true;
    }
    if (__builtin_mul_overflow(axes[i].extent - 1, axes[i].stride, &reach) ||
        __builtin_add_overflow(last, reach, &last))
      return false;
  }
  return !__builtin_add_overflow(last, 1, &last) && !__builtin_mul_overflow(last, element, bytes);
}

/* Whether no two elements share a place: every stride steps over all that smaller strides reach. */
static bool elements_are_apart(axis *axes, int n) {
  for (int i = 1; i < n; i++)
    for (int j = i; j > 0 && axes[j].stride < axes[j - 1].stride; j--) {
      const axis swap = axes[j];
      axes[j] = axes[j - 1];
      axes[j - 1] = swap;
    }
  int64_t reached = 0;
  for (int i = 0; i < n; i++) {
    if (axes[i].extent <= 1) continue;
    if (axes[i].stride <= reached) return false;
    reached += (axes[i].extent - 1) * axes[i].stride;
  }
  return true;
}

static bool same_layout(const xent_shape *shape, const xent_layout *a, const xent_layout *b) {
  return (a->outer == b->outer || shape->outer <= 1) && (a->inner == b->inner || shape->inner <= 1) &&
         (a->classes == b->classes || shape->classes <= 1) && a->type == b->type;
}

static xent_status check_array(xent_frame *f, const xent_array *a, int64_t *bytes) {
  const xent_layout *l = a->layout;
  *bytes = 0;
  if (!a->address && a->optional) return XENT_OK;
  if (l->type < XENT_F32 || l->type > XENT_I64) return refuse(f, XENT_INVALID_ARGUMENT, a->field, l->type);
  if (!(XENT_TYPE_BIT(l->type) & a->types)) return refuse(f, XENT_UNSUPPORTED, a->field, l->type);
  if (l->reserved) return refuse(f, XENT_UNSUPPORTED, a->field, l->reserved);
  if (l->outer < 0) return refuse(f, XENT_INVALID_SHAPE, a->field, l->outer);
  if (!a->per_row && l->classes < 0) return refuse(f, XENT_INVALID_SHAPE, a->field, l->classes);
  if (l->inner < 0) return refuse(f, XENT_INVALID_SHAPE, a->field, l->inner);
  axis axes[3];
  const int n = axes_of(&f->shape, a, axes);
  if (!span_of(axes, n, type_size(l->type), bytes)) return refuse(f, XENT_INVALID_SHAPE, a->field, l->outer);
  if (*bytes == 0) return XENT_OK;
  if (!a->address || (uintptr_t)a->address % (uintptr_t)type_size(l->type))
    return refuse(f, XENT_INVALID_ARGUMENT, a->field, 0);
  if (a->written && !elements_are_apart(axes, n)) return refuse(f, XENT_OVERLAP, a->field, 0);
  return XENT_OK;
}

static bool may_be_in_place(const xent_frame *f, const xent_array *written, const xent_array *other) {
  return (written->in_place >> other->field & 1) && written->address == other->address &&
         same_layout(&f->shape, written->layout, other->layout);
}

xent_status xent_check_arrays(xent_frame *f, const xent_array *arrays, int count) {
  int64_t bytes[8];
  for (int i = 0; i < count; i++) {
    const xent_status status = check_array(f, &arrays[i], &bytes[i]);
    if (status) return status;
  }
  for (int i = 0; i < count; i++) {
    if (!arrays[i].written || !arrays[i].address) continue;
    const uintptr_t begin = (uintptr_t)arrays[i].address, end = begin + (uintptr_t)bytes[i];
    for (int j = 0; j < count; j++) {
      if (i == j || !arrays[j].address) continue;
      const uintptr_t other = (uintptr_t)arrays[j].address;
      if (begin < other + (uintptr_t)bytes[j] && other < end && !may_be_in_place(f, &arrays[i], &arrays[j]))
        return refuse(f, XENT_OVERLAP, arrays[i].field, 0);
    }
  }
  return XENT_OK;
}
