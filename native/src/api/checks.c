/* SPDX-License-Identifier: Apache-2.0 */
#include "api/checks.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "cpu/isa.h"
#include "kernels/row/labels.h"

xent_status xent_refuse(xent_frame *frame, xent_status status, int32_t field, int64_t integer) {
  frame->report->field = field;
  frame->report->integer = integer;
  return status;
}

static xent_status refuse_option(xent_frame *frame, int32_t field, double value) {
  frame->report->field = field;
  frame->report->value = value;
  return XENT_INVALID_OPTION;
}

/* A sized struct as we know it: itself, or a copy in which what the caller does not know is 0. NULL where
 * the caller sets something that we do not know. */
static const void *whole_struct(const void *from, uint64_t size, void *copy, size_t known) {
  if (size == known) return from;
  const unsigned char *bytes = from;
  for (uint64_t i = known; i < size; i++)
    if (bytes[i]) return NULL;
  memset(copy, 0, known);
  return memcpy(copy, from, size < known ? (size_t)size : known);
}

/* Sizes of version 1, below which no caller was compiled, and one that no struct will reach. */
enum { SHAPE_V1 = 768, OPTIONS_V1 = 88, REPORT_V1 = 72, LARGEST_STRUCT = 4096 };
_Static_assert(sizeof(xent_shape) >= SHAPE_V1 && sizeof(xent_options) >= OPTIONS_V1 &&
                   sizeof(xent_report) >= REPORT_V1, "structs only grow");

/* Every sized struct begins with its size. */
static bool is_sized_struct(const void *address, uint64_t least) {
  const uint64_t *size = address, alignment = _Alignof(uint64_t);
  return address && ((uintptr_t)address & (alignment - 1)) == 0 && *size >= least &&
         *size <= LARGEST_STRUCT && *size % alignment == 0;
}

static xent_status take_structs(xent_frame *f, const xent_shape *shape, const xent_options *options,
                                const xent_report *report) {
  if (!is_sized_struct(shape, SHAPE_V1)) return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_SHAPE, 0);
  if (!is_sized_struct(options, OPTIONS_V1))
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_OPTIONS, 0);
  if (report && !is_sized_struct(report, REPORT_V1))
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_REPORT, 0);
  f->shape = whole_struct(shape, shape->size, &f->other_shape, sizeof *shape);
  if (!f->shape) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_SHAPE, (int64_t)shape->size);
  f->options = whole_struct(options, options->size, &f->other_options, sizeof *options);
  if (!f->options) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_OPTIONS, (int64_t)options->size);
  return XENT_OK;
}

/* Positive, finite and normal in the arithmetic of the call; 0 is "not used". */
static bool is_divisor(const xent_frame *f, double value) {
  const double least = f->wide ? DBL_MIN : (double)FLT_MIN, most = f->wide ? DBL_MAX : (double)FLT_MAX;
  return value == 0 || (value >= least && value <= most);
}

/* The options that a plain call leaves 0. */
static xent_status check_general_options(xent_frame *f) {
  const xent_options *o = f->options;
  if (!(o->smoothing | o->reserved) && o->temperature == 0 && o->softcap == 0 && o->z_loss == 0 && o->probability_clamp == 0)
    return XENT_OK;
  if (o->smoothing != XENT_SMOOTHING_UNIFORM && o->smoothing != XENT_SMOOTHING_OTHERS)
    return refuse_option(f, XENT_FIELD_SMOOTHING, o->smoothing);
  if (o->reserved) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_OPTIONS, o->reserved);
  if (!is_divisor(f, o->temperature)) return refuse_option(f, XENT_FIELD_TEMPERATURE, o->temperature);
  if (!is_divisor(f, o->softcap)) return refuse_option(f, XENT_FIELD_SOFTCAP, o->softcap);
  if (!(o->z_loss >= 0 && isfinite(o->z_loss))) return refuse_option(f, XENT_FIELD_Z_LOSS, o->z_loss);
  const double clamp = o->probability_clamp;
  if (!(clamp >= 0 && clamp <= 0.5) || (clamp > 0 && o->label_smoothing > 0))
    return refuse_option(f, XENT_FIELD_PROBABILITY_CLAMP, clamp);
  f->general |= o->smoothing || o->temperature != 0 || o->softcap != 0 || o->z_loss != 0 || clamp != 0;
  return XENT_OK;
}

static xent_status check_options(xent_frame *f) {
  const xent_options *o = f->options;
  if (o->isa < XENT_ISA_BEST || o->isa > XENT_ISA_AVX512) return refuse_option(f, XENT_FIELD_ISA, o->isa);
  f->kernels = xent_kernels_of(o->isa);
  if (!f->kernels) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_ISA, o->isa);
  if (o->fully_masked != XENT_FULLY_MASKED_NAN && o->fully_masked != XENT_FULLY_MASKED_ZERO)
    return refuse_option(f, XENT_FIELD_FULLY_MASKED, o->fully_masked);
  if (o->has_ignore_index != 0 && o->has_ignore_index != 1)
    return refuse_option(f, XENT_FIELD_IGNORE_INDEX, o->has_ignore_index);
  if (!(o->label_smoothing >= 0 && o->label_smoothing <= 1))
    return refuse_option(f, XENT_FIELD_LABEL_SMOOTHING, o->label_smoothing);
  if (o->has_gradient_scale != 0 && o->has_gradient_scale != 1)
    return refuse_option(f, XENT_FIELD_GRADIENT_SCALE, o->has_gradient_scale);
  if (o->has_gradient_scale && !isfinite(o->gradient_scale))
    return refuse_option(f, XENT_FIELD_GRADIENT_SCALE, o->gradient_scale);
  return check_general_options(f);
}

/* Classes of a shard begin at a chunk and end at one, or with the row. */
static xent_status check_shard(xent_frame *f) {
  const xent_shape *s = f->shape;
  if (!(s->first_class | s->all_classes)) return XENT_OK;
  if (s->all_classes < 0) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_ALL_CLASSES, s->all_classes);
  if (s->first_class < 0 || s->first_class % XENT_CHUNK || (s->first_class && !s->all_classes))
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_FIRST_CLASS, s->first_class);
  if (!s->all_classes) return XENT_OK;
  int64_t end;
  if (__builtin_add_overflow(s->first_class, s->classes, &end) || end > s->all_classes ||
      (end % XENT_CHUNK && end != s->all_classes))
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_ALL_CLASSES, s->all_classes);
  f->general = true;
  return XENT_OK;
}

xent_status xent_check_whole(xent_frame *f) {
  if (!f->shape->all_classes) return XENT_OK;
  return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_ALL_CLASSES, f->shape->all_classes);
}

xent_status xent_check_row_offsets(xent_frame *f, const void *row_offsets) {
  if (!row_offsets) return XENT_OK;
  const xent_layout *l = &f->shape->row_offsets;
  if (l->type != XENT_I32 && l->type != XENT_I64)
    return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_ROW_OFFSETS, l->type);
  if ((uintptr_t)row_offsets & (uintptr_t)(xent_type_size(l->type) - 1))
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_OFFSETS, 0);
  if (f->shape->inner != 1) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_ROW_OFFSETS, f->shape->inner);
  int64_t before = load_label_at(row_offsets, l->type, f->call.row_begin);
  bool falls = before < 0;
  for (int64_t row = f->call.row_begin; row < f->call.row_end; row++) {
    const int64_t after = load_label_at(row_offsets, l->type, row + 1);
    if (falls || after < before || after - before > f->shape->classes) {
      f->report->row = row;
      return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_ROW_OFFSETS, falls ? before : after);
    }
    before = after;
  }
  const int64_t all = load_label_at(row_offsets, l->type, f->shape->outer);
  f->call.ragged_end = before;
  f->ragged_elements = all > before ? all : before;
  f->ragged = f->general = true;
  f->call.row_offsets = row_offsets;
  return XENT_OK;
}

static xent_status check_shape(xent_frame *f) {
  const xent_shape *s = f->shape;
  if (s->classes < 1) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_CLASSES, s->classes);
  if (s->outer < 0) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SHAPE, s->outer);
  if (s->inner < 0) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SHAPE, s->inner);
  if (__builtin_mul_overflow(s->outer, s->inner, &f->rows) ||
      __builtin_mul_overflow(f->rows, s->classes, &f->elements))
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SHAPE, s->classes);
  if (s->target_count < 0) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_TARGET_COUNT, s->target_count);
  if (s->top_count < 0 || s->top_count > s->classes)
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT, s->top_count);
  return check_shard(f);
}

/* The caller's report where it is as we know it, else one of ours, to be handed out at the end. */
static void begin_report(xent_frame *f, xent_report *report) {
  const bool known = is_sized_struct(report, REPORT_V1) && report->size == sizeof *report;
  f->report = known ? report : &f->other_report;
  *f->report = (xent_report){.size = sizeof *report, .row = -1};
}

xent_status xent_frame_begin(xent_frame *f, const xent_shape *shape, const xent_options *options,
                             xent_report *report, bool backward) {
  f->mode = float_mode_enter();
  begin_report(f, report);
  xent_status status = take_structs(f, shape, options, report);
  if (status) return status;
  f->call = (xent_call){.shape = f->shape, .options = f->options, .report = f->report};
  f->wide = (backward ? f->shape->output : f->shape->logits).type == XENT_F64;
  f->call.wide = f->wide;
  f->floats = f->wide ? XENT_WIDE_TYPES : XENT_FLOAT_TYPES;
  f->general = f->ragged = false;
  status = check_options(f);
  return status ? status : check_shape(f);
}

xent_status xent_frame_end(const xent_frame *f, xent_report *report, xent_status status) {
  if (report != f->report && is_sized_struct(report, REPORT_V1)) {
    const uint64_t size = report->size;
    const size_t after_size = sizeof size, known = size < sizeof *report ? (size_t)size : sizeof *report;
    memcpy((char *)report + after_size, (const char *)f->report + after_size, known - after_size);
  }
  float_mode_leave(f->mode);
  return status;
}

xent_status xent_check_statistics(xent_frame *f, const xent_statistics *statistics, uint32_t kind) {
  for (int64_t row = f->call.row_begin; statistics && row < f->call.row_end; row++) {
    const uint32_t given = statistics[row].kind;
    const bool fits = (given & XENT_KIND_MASK) == kind && !(given & XENT_STATE_WIDE) == !f->wide;
    if (fits && !(given & XENT_ROW_UNFINISHED)) continue;
    f->report->row = row;
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_STATISTICS, 0);
  }
  return XENT_OK;
}

typedef struct {
  int64_t extent, stride;
} axis;

/* From the innermost out, which is the order of their strides where an array is row-major. */
static int axes_of(const xent_frame *f, const xent_array *a, axis axes[3]) {
  const xent_shape *shape = f->shape;
  int n = 0;
  if (f->ragged && !a->per_row && !a->entries) {
    axes[n++] = (axis){f->ragged_elements, a->layout->classes};
    return n;
  }
  axes[n++] = (axis){shape->inner, a->layout->inner};
  if (a->entries || !a->per_row) axes[n++] = (axis){a->entries ? a->entries : shape->classes, a->layout->classes};
  axes[n++] = (axis){shape->outer, a->layout->outer};
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

static xent_status check_unusual_array(xent_frame *f, const xent_array *a, int64_t *bytes) {
  const xent_layout *l = a->layout;
  if (l->type < XENT_F32 || l->type > XENT_I64) return xent_refuse(f, XENT_INVALID_ARGUMENT, a->field, l->type);
  if (!(XENT_TYPE_BIT(l->type) & a->types)) return xent_refuse(f, XENT_UNSUPPORTED, a->field, l->type);
  if (l->reserved) return xent_refuse(f, XENT_UNSUPPORTED, a->field, l->reserved);
  if (l->outer < 0) return xent_refuse(f, XENT_INVALID_SHAPE, a->field, l->outer);
  if ((a->entries || !a->per_row) && l->classes < 0) return xent_refuse(f, XENT_INVALID_SHAPE, a->field, l->classes);
  if (l->inner < 0) return xent_refuse(f, XENT_INVALID_SHAPE, a->field, l->inner);
  const int64_t size = xent_type_size(l->type);
  axis axes[3];
  const int n = axes_of(f, a, axes);
  if (!span_of(axes, n, size, bytes)) return xent_refuse(f, XENT_INVALID_SHAPE, a->field, l->outer);
  if (*bytes == 0) return XENT_OK;
  if (!a->address || ((uintptr_t)a->address & (uintptr_t)(size - 1)))
    return xent_refuse(f, XENT_INVALID_ARGUMENT, a->field, 0);
  if (a->written && !elements_are_apart(axes, n)) return xent_refuse(f, XENT_OVERLAP, a->field, 0);
  return XENT_OK;
}

static bool may_be_in_place(const xent_frame *f, const xent_array *written, const xent_array *other) {
  return (written->in_place >> other->field & 1) && written->address == other->address &&
         same_layout(f->shape, written->layout, other->layout);
}

static xent_status check_overlap(xent_frame *f, const xent_array *written, const xent_array *other) {
  return may_be_in_place(f, written, other) ? XENT_OK : xent_refuse(f, XENT_OVERLAP, written->field, 0);
}

/* Whether an array has an allowed type, elements, no gaps, the order outer, classes, inner, and an aligned
 * address: then there is nothing more to check in it, and this is its size. */
static bool is_usual_array(const xent_frame *f, const xent_array *a, int64_t *bytes) {
  const xent_layout *l = a->layout;
  const int64_t inner = f->shape->inner, classes = a->per_row ? 1 : f->shape->classes;
  const int64_t elements = a->per_row ? f->rows : f->elements;
  if (a->entries || f->ragged) return false;
  if (l->type < XENT_F32 || l->type > XENT_I64 || !(XENT_TYPE_BIT(l->type) & a->types)) return false;
  const int64_t size = xent_type_size(l->type);
  return !l->reserved && f->elements > 0 && l->inner == 1 && (a->per_row || l->classes == inner) &&
         l->outer == classes * inner && !__builtin_mul_overflow(elements, size, bytes) && a->address &&
         ((uintptr_t)a->address & (uintptr_t)(size - 1)) == 0;
}

/* Whether bytes that are written are among the row offsets: rows + 1 numbers, in whole ones, so that no size overflows. */
static bool meet_row_offsets(const xent_frame *f, uintptr_t begin, uintptr_t end) {
  if (!f->ragged || begin == end) return false;
  const uintptr_t offsets = (uintptr_t)f->call.row_offsets;
  if (begin < offsets) return end > offsets;
  return (begin - offsets) / (uintptr_t)xent_type_size(f->shape->row_offsets.type) <= (uintptr_t)f->shape->outer;
}

enum { XENT_MOST_ARRAYS = 24 };

/* A type of floats that plain calls do not have. */
static bool is_narrow_or_wide(int32_t type) {
  return type == XENT_F64 || type == XENT_F16 || type == XENT_BF16;
}

xent_status xent_check_arrays(xent_frame *f, const xent_array *arrays, int count) {
  int64_t bytes[XENT_MOST_ARRAYS];
  for (int i = 0; i < count; i++) {
    bytes[i] = 0;
    f->general |= arrays[i].address && is_narrow_or_wide(arrays[i].layout->type);
    if ((!arrays[i].address && arrays[i].optional) || is_usual_array(f, &arrays[i], &bytes[i])) continue;
    const xent_status status = check_unusual_array(f, &arrays[i], &bytes[i]);
    if (status) return status;
  }
  for (int i = 0; i < count; i++) {
    if (!arrays[i].written || !arrays[i].address) continue;
    const uintptr_t begin = (uintptr_t)arrays[i].address, end = begin + (uintptr_t)bytes[i];
    if (meet_row_offsets(f, begin, end)) return xent_refuse(f, XENT_OVERLAP, arrays[i].field, 0);
    for (int j = 0; j < count; j++) {
      if (i == j || !arrays[j].address) continue;
      const uintptr_t other = (uintptr_t)arrays[j].address;
      if (begin >= other + (uintptr_t)bytes[j] || other >= end) continue;
      const xent_status status = check_overlap(f, &arrays[i], &arrays[j]);
      if (status) return status;
    }
  }
  return XENT_OK;
}
