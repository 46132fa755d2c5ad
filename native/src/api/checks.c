/* SPDX-License-Identifier: Apache-2.0 */
#include "api/checks.h"

#include <float.h>

#include "api/strides.h"
#include "cpu/isa.h"
#include "cpu/stack.h"
#include "kernels/options.h"
#include "kernels/supported.h"
#include "kernels/stages/targets/targets.h"
#include "numerics/digest.h"

xent_status xent_refuse(xent_frame *frame, xent_status status, int32_t field, int64_t integer) {
  frame->report->field = field;
  frame->report->integer = integer;
  return status;
}

xent_status xent_refuse_value(xent_frame *frame, xent_status status, int32_t field, double value) {
  frame->report->value = value;
  return xent_refuse(frame, status, field, 0);
}

/* ---- structs ---- */

/* The sizes of structs that have not grown yet. If a member is appended, callers must still be able to pass the shorter
 * struct, as that of a call. */
enum { OPTIONS_SIZE = 104, SAMPLING_SIZE = 176, REPORT_SIZE = 72 };
_Static_assert(sizeof(xent_options) <= 256 && sizeof(xent_sampling) <= 256, "a bit of XENT_SETS for each four bytes");
_Static_assert(sizeof(xent_options) == OPTIONS_SIZE && sizeof(xent_sampling) == SAMPLING_SIZE &&
                   sizeof(xent_report) == REPORT_SIZE,
               "shorter ones are to be taken");

/* Whether a caller sets a field that this version does not have. */
static bool sets_unknown(const void *address, uint64_t known) {
  const unsigned char *bytes = address;
  const uint64_t *size = address;
  for (uint64_t i = known; i < *size; i++)
    if (bytes[i]) return true;
  return false;
}

xent_status xent_check_call(const void *call, uint64_t first, uint64_t size) {
  const xent_status status = xent_check_size(call, first);
  return status ? status : sets_unknown(call, size) ? XENT_UNSUPPORTED : XENT_OK;
}

/* ---- structs that every function takes ---- */

/* Reports a struct that is missing or has an invalid size. */
static xent_status refuse_struct(xent_frame *f, xent_status status, int32_t field, const void *address) {
  const uint64_t *size = address;
  return xent_refuse(f, status, field, status == XENT_INVALID_SIZE ? (int64_t)*size : 0);
}

const xent_options xent_no_options = {.size = sizeof xent_no_options};

static xent_status take_structs(xent_frame *f) {
  const xent_options *options = f->call.options;
  const bool own_options = options == &xent_no_options;
  const xent_status status = own_options ? XENT_OK : xent_check_size(options, sizeof *options);
  if (status) return refuse_struct(f, status, XENT_FIELD_OPTIONS, options);
  if (f->call.report && f->report == &f->own_report) /* the report is not read */
    return xent_check_size(f->call.report, sizeof(xent_report));
  if (!own_options && sets_unknown(options, sizeof *options))
    return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_OPTIONS, (int64_t)options->size);
  return XENT_OK;
}

/* ---- options and shape ---- */

static inline double value_of(const void *options, const xent_number *number) {
  const void *at = (const char *)options + number->at;
  if (number->type == XENT_F64) return *(const double *)at;
  return number->type == XENT_I32 ? *(const int32_t *)at : (double)*(const int64_t *)at;
}

/* Reports options as doubles, unless they are reserved; of sampling, numbers with a fraction. */
static xent_status refuse_number(xent_frame *f, const void *options, const xent_number *number, bool as_double) {
  const double value = value_of(options, number);
  int64_t integer = number->type == XENT_I32 ? (int64_t)value : 0; /* 64-bit integers may be inexact as a double */
  if (number->type == XENT_I64 || number->type == XENT_U64)
    memcpy(&integer, (const char *)options + number->at, sizeof integer);
  if (number->most == 0) return xent_refuse(f, XENT_UNSUPPORTED, number->field, integer);
  if (as_double || number->type == XENT_F64) return xent_refuse_value(f, XENT_INVALID_OPTION, number->field, value);
  return xent_refuse(f, XENT_INVALID_OPTION, number->field, integer);
}

/* If the compiler sees constant numbers, it removes the table. */
__attribute__((always_inline)) static inline xent_status check_numbers(xent_frame *f, const void *options,
                                                                       const xent_number *numbers, int count,
                                                                       bool as_doubles, uint64_t *set_numbers) {
  uint64_t set = 0;
#pragma GCC unroll 16
  for (int i = 0; i < count; i++) {
    const xent_number *n = &numbers[i];
    uint64_t bits = 0;
    memcpy(&bits, (const char *)options + n->at, n->type == XENT_I32 ? sizeof(int32_t) : sizeof(int64_t));
    if (!bits) continue; /* 0: most options are not set */
    const double value = value_of(options, n);
    if (value == 0) continue;
    if (!(value >= n->least && value <= n->most) || (set & n->not_beside))
      return refuse_number(f, options, n, as_doubles);
    set |= UINT64_C(1) << n->at / 4; /* the bit that XENT_SETS has for it */
  }
  *set_numbers = set;
  return XENT_OK;
}

xent_status xent_check_numbers(xent_frame *f, const void *options, const xent_number *numbers, int count) {
  uint64_t set;
  return check_numbers(f, options, numbers, count, false, &set);
}

static const xent_number numbers[] = {XENT_CALL_OPTIONS(XENT_NUMBER, xent_options)};

static xent_status check_options(xent_frame *f) {
  const xent_options *o = f->call.options;
  f->kernels = xent_kernels_of(o->isa);
  f->set_options = 0;
  if (f->kernels && (o == &xent_no_options || !sets_any(o, XENT_LISTED))) return XENT_OK;
  if (f->kernels) return check_numbers(f, o, numbers, XENT_COUNT(numbers), true, &f->set_options);
  if (xent_is_isa(o->isa)) return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_ISA, o->isa);
  return xent_refuse_value(f, XENT_INVALID_OPTION, XENT_FIELD_ISA, o->isa);
}

xent_status xent_refuse_ignore_index(xent_frame *f, xent_status status) {
  const int64_t index = f->call.options->ignore_index;
  f->report->value = (double)index;
  return xent_refuse(f, status, XENT_FIELD_IGNORE_INDEX, index);
}

xent_status xent_refuse_options(xent_frame *f, xent_status status, uint64_t refused) {
  const xent_options *o = f->call.options;
  if (o->has_ignore_index && refused & XENT_SETS(has_ignore_index))
    return xent_refuse_value(f, status, XENT_FIELD_IGNORE_INDEX, (double)o->ignore_index);
  for (int i = 0; i < XENT_COUNT(numbers); i++) {
    const double value = value_of(o, &numbers[i]);
    if (value != 0 && refused >> numbers[i].at / 4 & 1) return xent_refuse_value(f, status, numbers[i].field, value);
  }
  return XENT_OK;
}

/* Classes of a shard begin at a chunk boundary and end at one or at the end of the row. */
static xent_status check_shard(xent_frame *f) {
  const xent_shape *s = f->call.shape;
  if (!(s->first_class | s->all_classes)) return XENT_OK;
  if (s->all_classes < 0) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_ALL_CLASSES, s->all_classes);
  if (s->first_class < 0 || s->first_class % XENT_CHUNK || (s->first_class && !s->all_classes))
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_FIRST_CLASS, s->first_class);
  if (!s->all_classes) return XENT_OK;
  int64_t end;
  if (__builtin_add_overflow(s->first_class, s->classes, &end) || end > s->all_classes ||
      (end % XENT_CHUNK && end != s->all_classes))
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_ALL_CLASSES, s->all_classes);
  return XENT_OK;
}

static xent_status check_shape(xent_frame *f) {
  const xent_shape *s = f->call.shape;
  if (s->classes < 1) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_CLASSES, s->classes);
  if (s->outer < 0) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SHAPE, s->outer);
  if (s->inner < 0 || (s->inner == 0 && s->outer > 0)) /* not set; a call without rows has outer 0 */
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SHAPE, s->inner);
  if (__builtin_mul_overflow(s->outer, s->inner, &f->rows) ||
      __builtin_mul_overflow(f->rows, s->classes, &f->elements))
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_SHAPE, s->classes);
  if (s->target_count < 0)
    return xent_refuse(f, XENT_INVALID_SHAPE, f->call.tokens ? XENT_FIELD_BIAS_COUNT : XENT_FIELD_TARGET_COUNT,
                       s->target_count);
  if (s->top_count < 0 || s->top_count > s->classes)
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT, s->top_count);
  if (s->prompt_count < 0) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_PROMPT_COUNT, s->prompt_count);
  if (s->output_count < 0) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_OUTPUT_COUNT, s->output_count);
  if (s->features < 0) return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_FEATURES, s->features);
  return check_shard(f);
}

xent_status xent_check_sizes(xent_frame *f) {
  f->report = &f->own_report;
  const xent_status status = check_shape(f);
  return status ? status : xent_check_ranges(f);
}

xent_status xent_begin(xent_frame *f, bool backward) {
  f->mode = float_mode_enter();
  const bool known = xent_check_size(f->call.report, sizeof(xent_report)) == XENT_OK;
  f->report = known ? f->call.report : &f->own_report;
  *f->report = (xent_report){.size = known ? f->report->size : sizeof *f->report, .row = -1};
  f->wide = false;
  xent_status status = xent_has_stack() ? take_structs(f) : XENT_OUT_OF_STACK;
  if (status) return status;
  f->call.report = f->report;
  f->wide = xent_is_wide((backward ? f->call.shape->output : f->call.shape->logits).type);
  f->call.wide = f->wide;
  f->numbers = f->wide ? XENT_IN_DOUBLE : XENT_IN_FLOAT;
  status = check_options(f);
  return status ? status : check_shape(f);
}

xent_status xent_check_whole(xent_frame *f) {
  if (!f->call.shape->all_classes) return XENT_OK;
  return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_ALL_CLASSES, f->call.shape->all_classes);
}

/* ---- records ---- */

/* The options that xent_digest_of always reads. It reads those that came later if they are set: RECORDED_IF_SET. Others
 * change neither the input of a row's computation nor the contents of its records. */
#define SETS_RECORDED(name) XENT_SETS(name)
#define SETS_RECORDED_IF_SET(name) 0
#define SETS_UNRECORDED(name) 0
#define IF_RECORDED(c, name, FIELD, kind, functions, traits, recorded, ...) | SETS_##recorded(name)
#define XENT_ALWAYS_DIGESTED \
  (XENT_SETS(temperature) | XENT_SETS(softcap) | XENT_SETS(label_smoothing) | XENT_SETS(z_loss) | XENT_SETS(smoothing))
_Static_assert((0 XENT_CALL_OPTIONS(IF_RECORDED, )) == XENT_ALWAYS_DIGESTED, "an option is in the digest, or is not");
_Static_assert((XENT_SETS(size) | XENT_SETS(isa) | XENT_SETS(ignore_index) | XENT_LISTED) == XENT_ALL_OPTIONS,
               "kernels/options.h lacks an option");
_Static_assert(XENT_ARRAYS_DIGESTED == (XENT_HAS(targets) | XENT_HAS(class_weights)),
               "the presence of these arrays is in the digest");

uint32_t xent_digest_of(const xent_call *call) {
  const xent_options *o = call->options;
  uint32_t digest = xent_no_digest;
  digest = add_to_digest(digest, o->temperature == 1 ? 0 : bits_of_number(o->temperature));
  digest = add_to_digest(digest, bits_of_number(o->softcap));
  if (!call->targets) return digest;
  digest = add_to_digest(digest, bits_of_number(o->label_smoothing));
  digest = add_to_digest(digest, bits_of_number(o->z_loss));
  digest = add_to_digest(digest, (uint64_t)o->smoothing + (call->class_weights ? 2 : 0));
#define ADD_RECORDED(name)
#define ADD_RECORDED_IF_SET(name) \
  if (o->name != 0) digest = add_to_digest(digest, bits_of_number(o->name));
#define ADD_UNRECORDED(name)
#define ADD_IF_SET(c, name, FIELD, kind, functions, traits, recorded, ...) ADD_##recorded(name)
  XENT_CALL_OPTIONS(ADD_IF_SET, )
  return digest;
}

static bool statistics_fit(const xent_frame *f, const row_statistics *s, uint32_t kind) {
  return (s->kind & XENT_KIND_MASK) == kind && !(s->kind & XENT_STATE_WIDE) == !f->wide &&
         !(s->kind & XENT_ROW_UNFINISHED) && s->digest == f->call.digest;
}

xent_status xent_check_statistics(xent_frame *f, uint32_t kind, uint32_t digest) {
  f->call.digest = digest;
  for (int64_t row = f->call.row_begin; row < f->call.row_end; row++) {
    if (statistics_fit(f, known_statistics_at(&f->call, row), kind)) continue;
    f->report->row = row;
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_STATISTICS, 0);
  }
  return XENT_OK;
}

/* ---- arrays ---- */

static xent_status check_row_offsets(xent_frame *f) {
  const void *row_offsets = f->call.row_offsets;
  const int32_t type = f->call.shape->row_offsets.type;
  if (!xent_element_type_of(type).size) return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_OFFSETS, type);
  if (!(xent_element_type_of(type).holds & XENT_CLASS_NUMBERS))
    return xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_ROW_OFFSETS, type);
  if ((uintptr_t)row_offsets & (uintptr_t)(xent_element_type_of(type).size - 1))
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_OFFSETS, 0);
  if (f->call.shape->inner != 1)
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_ROW_OFFSETS, f->call.shape->inner);
  int64_t reach;
  if (__builtin_add_overflow(f->rows, 1, &reach) || /* before the first one is read */
      __builtin_mul_overflow(reach, (int64_t)xent_element_type_of(type).size, &reach))
    return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_ROW_OFFSETS, f->rows);
  int64_t before = load_label_at(row_offsets, type, f->call.row_begin);
  bool falls = before < 0;
  for (int64_t row = f->call.row_begin; row < f->call.row_end; row++) {
    const int64_t after = load_label_at(row_offsets, type, row + 1);
    if (falls || after < before || after - before > f->call.shape->classes) {
      f->report->row = row;
      return xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_ROW_OFFSETS, falls ? before : after);
    }
    before = after;
  }
  const int64_t all = load_label_at(row_offsets, type, f->call.shape->outer);
  f->call.ragged_end = before;
  f->elements = all > before ? all : before;
  return XENT_OK;
}

/* The form of an array, which may depend on the targets. */
static int form_of(const xent_frame *f, const xent_rule *rule) {
  if (rule->holds & XENT_WORDS && xent_element_type_of(xent_layout_of(f, rule)->type).holds & XENT_WORDS)
    return XENT_PER_WORD;
  if (rule->form != XENT_OF_TARGETS) return rule->form;
  return f->call.shape->target_count ? XENT_PER_TARGET : xent_has_label_targets(f) ? XENT_PER_ROW : XENT_PER_CLASS;
}

/* The number of elements per row of an array of a form. */
static int64_t numbers_of_row(const xent_shape *s, int form) {
  switch (form) {
    case XENT_PER_CLASS: return s->classes;
    case XENT_PER_FEATURE: return s->features;
    case XENT_PER_TARGET: return s->target_count;
    case XENT_PER_TOP: return s->top_count;
    case XENT_PER_PROMPT: return s->prompt_count;
    case XENT_PER_OUTPUT: return s->output_count;
    case XENT_PER_WORD: return words_of_bits(s->classes);
    default: return 1;
  }
}

/* The axes of an array, innermost first. */
static int axes_of(const xent_frame *f, int form, const xent_layout *l, axis axes[3]) {
  const xent_shape *s = f->call.shape;
  if (form == XENT_OF_CLASSES) {
    axes[0] = (axis){s->features, l->classes};
    axes[1] = (axis){s->classes, l->outer};
    return 2;
  }
  const bool ragged = form == XENT_PER_CLASS && f->call.row_offsets;
  if (form == XENT_OFFSETS || form == XENT_ONE_ROW || ragged) {
    axes[0] = form == XENT_OFFSETS ? (axis){s->outer == INT64_MAX ? s->outer : s->outer + 1, 1}
                                   : (axis){ragged ? f->elements : s->classes, l->classes};
    return 1;
  }
  axes[0] = (axis){s->inner, l->inner};
  axes[1] = (axis){numbers_of_row(s, form), l->classes};
  axes[2] = (axis){s->outer, l->outer};
  return 3;
}

/* Bytes from the first element to the end of the last one; false if they overflow 64 bits. */
static bool span_of(const axis *axes, int n, int64_t element, int64_t *bytes) {
  int64_t last = 0, reach;
  *bytes = 0;
  for (int i = 0; i < n; i++) {
    if (axes[i].extent == 0) return true;
    if (__builtin_mul_overflow(axes[i].extent - 1, axes[i].stride, &reach) ||
        __builtin_add_overflow(last, reach, &last))
      return false;
  }
  return !__builtin_add_overflow(last, 1, &last) && !__builtin_mul_overflow(last, element, bytes);
}

/* The element types that an array of this rule may have in this call. */
static int allowed_in(const xent_frame *f, const xent_rule *rule) {
  const bool sparse = rule == &xent_rules[XENT_TARGETS] && f->call.shape->target_count;
  return (rule->holds & ~XENT_NUMBERS) | (sparse ? 0 : rule->holds & f->numbers);
}

/* An array that receives class numbers must be able to hold the largest one. */
static bool holds_classes(const xent_frame *f, const xent_rule *rule, int32_t type) {
  const bool numbers_classes = rule->written && (rule->holds & XENT_CLASS_NUMBERS);
  const int size = xent_element_type_of(type).size;
  return !numbers_classes || size == sizeof(int64_t) || f->call.shape->classes - 1 < INT64_C(1) << (8 * size - 1);
}

/* The bytes of an array; empty if it is NULL. */
typedef struct {
  uintptr_t begin, end;
} xent_bytes;

static inline bool xent_meet(xent_bytes a, xent_bytes b) { return a.begin < b.end && b.begin < a.end; }

/* Not inlined: most arrays need less. */
__attribute__((noinline)) static xent_status check_array(xent_frame *f, const xent_rule *rule, bool needed,
                                                         xent_bytes *bytes) {
  const void *address = xent_address_of(f, rule);
  const int form = form_of(f, rule);
  const bool alone = !f->call.logits && !f->call.hidden; /* only targets are checked */
  const bool weighted = rule->field == XENT_FIELD_TARGET_WEIGHTS && !alone;
  needed |= weighted && f->call.shape->target_count && f->call.targets;
  if (!address && !needed) return XENT_OK;
  const xent_layout *l = xent_layout_of(f, rule);
  const xent_element_type type = xent_element_type_of(l->type);
  const int32_t field = rule->field;
  if (!type.size) return xent_refuse(f, XENT_INVALID_ARGUMENT, field, l->type);
  if (!(type.holds & allowed_in(f, rule)) || !holds_classes(f, rule, l->type))
    return xent_refuse(f, XENT_UNSUPPORTED, field, l->type);
  if (l->reserved) return xent_refuse(f, XENT_UNSUPPORTED, field, l->reserved);
  const bool strides = form != XENT_ONE_ROW && form != XENT_OFFSETS;
  if (strides && l->outer < 0) return xent_refuse(f, XENT_INVALID_SHAPE, field, l->outer);
  if (form != XENT_PER_ROW && form != XENT_OFFSETS && l->classes < 0)
    return xent_refuse(f, XENT_INVALID_SHAPE, field, l->classes);
  if (strides && l->inner < 0) return xent_refuse(f, XENT_INVALID_SHAPE, field, l->inner);
  axis axes[3];
  int64_t span;
  const int n = axes_of(f, form, l, axes);
  if (!span_of(axes, n, type.size, &span))
    return xent_refuse(f, XENT_INVALID_SHAPE, field, form == XENT_ONE_ROW ? l->classes : l->outer);
  if (span == 0) return XENT_OK;
  if (!address || ((uintptr_t)address & (uintptr_t)(type.size - 1)))
    return xent_refuse(f, XENT_INVALID_ARGUMENT, field, 0);
  if (rule->written && !elements_are_apart(axes, n)) return xent_refuse(f, XENT_OVERLAP, field, 0);
  *bytes = (xent_bytes){(uintptr_t)address, (uintptr_t)address + (uintptr_t)span};
  return XENT_OK;
}

/* Ragged rows begin where their offsets say. */
static bool same_layout(const xent_call *call, const xent_layout *a, const xent_layout *b) {
  const xent_shape *s = call->shape;
  return (a->outer == b->outer || s->outer <= 1 || call->row_offsets) && (a->inner == b->inner || s->inner <= 1) &&
         (a->classes == b->classes || s->classes <= 1) && a->type == b->type;
}

static bool may_be_in_place(const xent_frame *f, const xent_rule *written, const xent_rule *other) {
  return xent_may_share(written, other) && xent_address_of(f, written) == xent_address_of(f, other) &&
         same_layout(&f->call, xent_layout_of(f, written), xent_layout_of(f, other));
}

/* Reports the first written array that shares memory with another array, unless it may be in place. */
static inline xent_status check_overlaps(xent_frame *f, const xent_place *places, uint64_t there, uint64_t written,
                                         const xent_bytes *bytes) {
  for (; written; written &= written - 1) {
    const int i = __builtin_ctzll(written);
    for (uint64_t rest = there & ~(written & -written); rest; rest &= rest - 1) {
      const int j = __builtin_ctzll(rest);
      const xent_rule *rule = &xent_rules[places[i].rule];
      if (xent_meet(bytes[i], bytes[j]) && !may_be_in_place(f, rule, &xent_rules[places[j].rule]))
        return xent_refuse(f, XENT_OVERLAP, rule->field, 0);
    }
  }
  return XENT_OK;
}

xent_status xent_check_arrays(xent_frame *f, const xent_entry *function) {
  const xent_shape *s = f->call.shape;
  const xent_place *places = function->places;
  uint64_t left = s->target_count ? xent_all_places(function) : f->given; /* sparse targets need weights */
  uint64_t there = 0, written = 0;
  xent_bytes bytes[XENT_MOST_PLACES];
  xent_status status = f->call.row_offsets ? check_row_offsets(f) : XENT_OK;
  if (status) return status;
  if (f->call.target_weights && !s->target_count) /* target weights belong to the classes of sparse rows */
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_TARGET_WEIGHTS, 0);
  /* Most arrays have a number per class or row, in the order outer, classes, inner, without gaps, of a type that
   * neither depends on the targets nor is too small for a class. They need no further check. */
  const bool whole = f->elements > 0 && f->elements <= INT64_MAX / 8 && !f->call.row_offsets && !s->target_count;
  const int holds = !whole ? 0 : f->numbers | XENT_LABELS | XENT_FLAGS | (s->classes >> 31 ? 0 : XENT_CLASS_NUMBERS);
  const int64_t inner = s->inner, outer[] = {s->classes * inner, inner}, elements[] = {f->elements, f->rows};
  for (; left; left &= left - 1) {
    const int i = __builtin_ctzll(left);
    const xent_rule *rule = &xent_rules[places[i].rule];
    if (!xent_is_array(rule)) continue;
    const xent_layout *l = xent_layout_of(f, rule);
    const xent_element_type type = xent_element_type_of(l->type);
    const uintptr_t begin = (uintptr_t)xent_address_of(f, rule);
    const int form = rule->form != XENT_OF_TARGETS     ? rule->form
                     : type.holds & XENT_LABELS ? XENT_PER_ROW
                                                : XENT_PER_CLASS;
    if (begin && type.holds & rule->holds & holds && form <= XENT_PER_ROW &&
        !((l->outer ^ outer[form]) | (form == XENT_PER_CLASS ? l->classes ^ inner : 0) | (l->inner ^ 1) | l->reserved |
          (int64_t)(begin & (type.size - 1u)))) {
      bytes[i] = (xent_bytes){begin, begin + (uintptr_t)elements[form] * type.size};
    } else {
      bytes[i] = (xent_bytes){0, 0};
      status = check_array(f, rule, places[i].needed, &bytes[i]);
      if (status) return status;
      if (bytes[i].begin == bytes[i].end) continue;
    }
    there |= left & -left;
    written |= rule->written ? left & -left : 0;
  }
  return check_overlaps(f, places, there, written, bytes);
}
