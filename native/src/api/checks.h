/* SPDX-License-Identifier: Apache-2.0 */
/* All checks before the first store. */
#ifndef XENT_CHECKS_H
#define XENT_CHECKS_H

#include <string.h>

#include "api/arrays.h"
#include "cpu/float_mode.h"
#include "kernels/options.h"
#include "kernels/present.h"

typedef struct xent_kept xent_kept;

/* A call while it is being checked. */
struct xent_frame {
  xent_call call;  /* as the caller made it, then as the kernels receive it */
  float_mode mode; /* of the thread, before the call */
  xent_kept *keep; /* not NULL: the call does not run, but is stored here for later runs */
  uint64_t given;  /* a bit for each place of the function, at least for those that are not NULL or have a need */
  const xent_kernels *kernels;
  xent_report *report; /* the caller's, or `own_report`, which is not read */
  int64_t rows, elements; /* elements: also of ragged rows, once their offsets are checked */
  uint64_t set_options; /* those that are not 0, as XENT_SETS has them */
  bool wide;    /* float64 arithmetic */
  uint8_t numbers; /* the type of an array of numbers: XENT_IN_FLOAT or XENT_IN_DOUBLE, or either */
  int32_t choice;  /* the option of the function itself, as passed by the caller */
  int32_t continues; /* of the caller's struct, as are: */
  int32_t reserved; /* must be 0 */
  xent_shape shape;
  xent_report own_report;
};

/* Sets the report for a status and returns the status. */
__attribute__((cold)) xent_status xent_refuse(xent_frame *frame, xent_status status, int32_t field, int64_t integer);
/* xent_refuse for a number that may have a fraction. */
__attribute__((cold)) xent_status xent_refuse_value(xent_frame *frame, xent_status status, int32_t field, double value);
/* xent_refuse for the ignore index, which may not fit a double. */
__attribute__((cold)) xent_status xent_refuse_ignore_index(xent_frame *frame, xent_status status);

/* Whether a struct has a valid size, which may be that of its first version, and bytes of later versions are 0. */
xent_status xent_check_call(const void *call, uint64_t first, uint64_t size);
/* Checks a struct that begins with its size. */
static inline xent_status xent_check_size(const void *address, uint64_t least) {
  const uint64_t *size = address, alignment = _Alignof(uint64_t);
  if (!address || ((uintptr_t)address & (alignment - 1))) return XENT_INVALID_ARGUMENT;
  return *size >= least && *size <= XENT_LARGEST_STRUCT && *size % alignment == 0 ? XENT_OK : XENT_INVALID_SIZE;
}
/* The options of a call by struct without options. */
extern const xent_options xent_no_options;
/* Makes the call of a struct and runs it. */
xent_status xent_make_call(const void *call, const xent_entry *function);
/* Stores a checked call and its kernel for later runs. */
__attribute__((cold)) xent_status xent_keep(xent_frame *frame, xent_kernel kernel);
/* Checks structs, options and shape, and enters the float mode of the contract, because weights and options are
 * compared, too. */
xent_status xent_begin(xent_frame *frame, bool backward);
/* The shape and the ranges of a call that is not begun, without a report. */
xent_status xent_check_sizes(xent_frame *f);
/* Restores the float mode. */
static inline xent_status xent_end(const xent_frame *f, xent_status status) {
  float_mode_leave(f->mode);
  return status;
}

/* A number of a struct of options: 0, or within [least, most]; a reserved one must be 0. */
typedef struct {
  uint16_t at;
  uint8_t type, field;
  double least, most;
  uint64_t not_beside; /* XENT_SETS of earlier numbers: must be 0 if one of these is not 0 */
} xent_number;

/* An entry of kernels/options.h as an xent_number. */
#define XENT_NUMBER(struct_, name, FIELD, kind, functions, traits, recorded, unset, symbol, says, help, ...) \
  {.at = offsetof(struct_, name), .type = XENT_##kind, .field = XENT_FIELD_##FIELD, __VA_ARGS__},

/* Checks the range of each number. The report holds the value as a double if it is not an integer. */
xent_status xent_check_numbers(xent_frame *frame, const void *options, const xent_number *numbers, int count);

/* The options of losses. Functions that have no targets take these, too, and ignore what concerns targets. */
#define XENT_OPTIONS_OF_ROWS (XENT_SETS(ignore_index) | XENT_OPTIONS_FOR(XENT_FOR_LOSSES))
/* Those of a softmax backward: its output does not determine the derivative of the softcap. */
#define XENT_OPTIONS_OF_SOFTMAX_BACKWARD (XENT_OPTIONS_OF_ROWS & ~XENT_SETS(softcap))

/* Reports the first option of a set that is set. */
xent_status xent_refuse_options(xent_frame *frame, xent_status status, uint64_t options);
/* Rejects calls on a shard: the call must have all classes. */
xent_status xent_check_whole(xent_frame *frame);
/* Checks that the statistics of a call are finished and have this kind and this digest. */
xent_status xent_check_statistics(xent_frame *frame, uint32_t kind, uint32_t digest);
/* Checks offsets, types, NULLs, alignment, extents, then overlaps. */
xent_status xent_check_arrays(xent_frame *frame, const xent_entry *function);

/* The digest of the options of a call. Calls that read records must have the same digest as the call that wrote
 * them. */
uint32_t xent_digest_of(const xent_call *call);

/* ---- inline parts of every short call, which compile to a few compares --------------------------- */

/* Rejects options that the function does not have; own: XENT_SETS of those it has, a constant. */
__attribute__((always_inline)) static inline xent_status xent_check_foreign(xent_frame *f, const uint64_t own) {
  const uint64_t ignore_index = own & XENT_SETS(ignore_index) ? 0 : XENT_SETS(has_ignore_index);
  const uint64_t everywhere = XENT_SETS(has_ignore_index) | XENT_SETS(gradient_scale);
  const uint64_t foreign = (XENT_LISTED & ~(own | everywhere)) | ignore_index;
  return f->set_options & foreign ? xent_refuse_options(f, XENT_UNSUPPORTED, foreign) : XENT_OK;
}

/* Checks the ranges of rows and classes. */
static inline xent_status xent_check_ranges(xent_frame *f) {
  const int64_t classes = f->call.shape->classes, begin = f->call.class_begin, end = f->call.class_end;
  if (f->call.row_begin < 0)
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_RANGE, f->call.row_begin);
  if (f->call.row_begin > f->call.row_end || f->call.row_end > f->rows)
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_RANGE, f->call.row_end);
  if (begin < 0 || begin % XENT_CHUNK) return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE, begin);
  if (begin > end || end > classes || (end % XENT_CHUNK && end != classes))
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE, end);
  return XENT_OK;
}

/* Checks the rows, for a function that takes no range of classes. */
static inline xent_status xent_check_rows(xent_frame *f) {
  f->call.class_begin = 0;
  f->call.class_end = f->call.shape->classes;
  return xent_check_ranges(f);
}

static inline const void *xent_address_of(const xent_frame *f, const xent_rule *rule) {
  const void *address;
  memcpy(&address, (const char *)&f->call + rule->address, sizeof address);
  return address;
}
static inline const xent_layout *xent_layout_of(const xent_frame *f, const xent_rule *rule) {
  return (const xent_layout *)(const void *)((const char *)f->call.shape + rule->layout);
}

/* Whether the targets of a call are labels. */
static inline bool xent_has_label_targets(const xent_frame *f) {
  const xent_shape *s = f->call.shape;
  return !s->target_count && (xent_element_type_of(s->targets.type).holds & XENT_LABELS);
}

/* Checks records, `per_row` of each row: of all rows, counted from the first one. */
static inline xent_status xent_check_record(xent_frame *f, const void *address, int64_t per_row, int64_t size,
                                            int32_t field, bool needed) {
  int64_t bytes;
  if (address ? ((uintptr_t)address & (_Alignof(uint64_t) - 1)) != 0 : needed)
    return xent_refuse(f, XENT_INVALID_ARGUMENT, field, 0);
  if (!address || (!__builtin_mul_overflow(f->rows, per_row, &bytes) && !__builtin_mul_overflow(bytes, size, &bytes)))
    return XENT_OK;
  return xent_refuse(f, XENT_INVALID_SHAPE, field, f->rows);
}

/* Checks the records among the arguments of a function, which is a compile-time constant. */
__attribute__((always_inline)) static inline xent_status xent_check_records(xent_frame *f,
                                                                            const xent_entry *function) {
#pragma GCC unroll 32
  for (int i = 0; i < function->count; i++) {
    const xent_rule *rule = &xent_rules[function->places[i].rule];
    if (rule->form != XENT_ROW_RECORDS && rule->form != XENT_CHUNK_RECORDS) continue;
    const int64_t per_row = rule->form == XENT_CHUNK_RECORDS ? xent_chunks(f->call.shape->classes) : 1;
    const xent_status status = xent_check_record(f, xent_address_of(f, rule), per_row, sizeof(xent_state), rule->field,
                                                 function->places[i].needed);
    if (status) return status;
  }
  return XENT_OK;
}
static inline xent_status xent_check_exact_sum(xent_frame *f) {
  const xent_exact_sum *exact_sum = f->call.exact_sum;
  const xent_status status = xent_check_record(f, exact_sum, 0, 0, XENT_FIELD_EXACT_SUM, XENT_OPTIONAL);
  if (status || !exact_sum || exact_sum->size == sizeof *exact_sum) return status;
  return xent_refuse(f, XENT_INVALID_SIZE, XENT_FIELD_EXACT_SUM, (int64_t)exact_sum->size);
}

/* The first checks of most calls: structs, options, shape, ranges, the report, records, foreign options. */
__attribute__((always_inline)) static inline xent_status xent_begin_call(xent_frame *f,
                                                                         const xent_entry *function) {
  xent_status status = xent_begin(f, function->backward);
  if (!status) status = function->has_classes ? xent_check_ranges(f) : xent_check_rows(f);
  if (!status && function->needs_report && f->report == &f->own_report)
    status = xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_REPORT, 0);
  if (!status) status = xent_check_records(f, function);
  const uint64_t own = function->own_options ? function->own_options : XENT_OPTIONS_OF_ROWS;
  if (!status) status = xent_check_foreign(f, own);
  return status ? status : xent_check_exact_sum(f);
}

#endif
