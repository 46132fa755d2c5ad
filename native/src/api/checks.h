/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is checked before the first store. */
#ifndef XENT_CHECKS_H
#define XENT_CHECKS_H

#include <string.h>

#include "api/arrays.h"
#include "cpu/float_mode.h"

/* A call while it is being checked. */
typedef struct {
  xent_call call;  /* as the caller made it, then as the kernels take it */
  float_mode mode; /* of the thread, before the call */
  const xent_kernels *kernels;
  xent_report *report; /* the caller's, or one that nobody reads */
  int64_t rows, elements;
  int64_t ragged_elements; /* of all ragged rows together */
  bool rare;    /* there are others than the usual arrays of its function */
  bool wide;    /* float64 arithmetic */
  uint8_t numbers; /* what an array of numbers must hold: XENT_IN_FLOAT or XENT_IN_DOUBLE, or either */
  xent_shape own_shape;
  xent_report own_report;
} xent_frame;

/* Tells the report what a status speaks of, and returns the status. */
__attribute__((cold)) xent_status xent_refuse(xent_frame *frame, xent_status status, int32_t field, int64_t integer);

/* Whether a function was given the struct that it takes, so that its fields can be read. */
xent_status xent_check_call(const void *call, uint64_t least);
/* Makes the call of a struct whose fields are these, with a shape of its own. */
void xent_take_call(xent_frame *frame, const void *call, const xent_place *places, int usual, int count,
                    const xent_sizes *sizes, const xent_range *rows, const xent_range *classes,
                    const xent_options *options, xent_report *report);
/* Structs, options and shape, from here on in the float mode of the contract: weights and options are compared too. */
xent_status xent_begin(xent_frame *frame, bool backward);
/* Puts the float mode back. */
static inline xent_status xent_end(const xent_frame *f, xent_status status) {
  float_mode_leave(f->mode);
  return status;
}

/* No option is set that the function does not have; own: the fields, as bits, of those it has. */
xent_status xent_check_foreign(xent_frame *frame, uint64_t own);
/* The call is about all classes, not about those of a shard. */
xent_status xent_check_whole(xent_frame *frame);
/* The statistics that a call is given are of this kind, finished, and have this digest. */
xent_status xent_check_statistics(xent_frame *frame, uint32_t kind, uint32_t digest);
/* Offsets, types, NULLs, alignment, extents, then overlaps. Most calls need not ask: xent_arrays_are_usual. */
enum { XENT_MOST_PLACES = 24 }; /* of a function */
xent_status xent_check_arrays(xent_frame *frame, const xent_place *places, int count);

/* What records of the call say of its options: a call that is given them must have the same. */
uint32_t xent_digest_of(const xent_call *call);

/* ---- what follows is in every short call: inline, so that a few compares are left of it ---------- */

/* The rows and classes that are worked on. */
static inline xent_status xent_check_ranges(xent_frame *f) {
  const int64_t classes = f->call.shape->classes, begin = f->call.class_begin, end = f->call.class_end;
  if (f->call.row_begin < 0 || f->call.row_begin > f->call.row_end || f->call.row_end > f->rows)
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_ROW_RANGE, f->call.row_end);
  if (begin < 0 || begin > end || end > classes || begin % XENT_CHUNK || (end % XENT_CHUNK && end != classes))
    return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_CLASS_RANGE, begin);
  return XENT_OK;
}

/* The rows, of a function that takes no range of classes. */
static inline xent_status xent_check_rows(xent_frame *f) {
  f->call.class_begin = 0;
  f->call.class_end = f->call.shape->classes;
  const xent_status status = xent_check_ranges(f);
  return status || !f->call.shape->all_classes ? status : xent_check_whole(f);
}

/* An address that must have the alignment of its struct, and not be NULL where it is needed. */
static inline xent_status xent_check_struct(xent_frame *f, const void *address, size_t alignment, int32_t field,
                                            bool needed) {
  const bool fits = address ? ((uintptr_t)address & (alignment - 1)) == 0 : !needed;
  return fits ? XENT_OK : xent_refuse(f, XENT_INVALID_ARGUMENT, field, 0);
}

static inline xent_status xent_check_tally(xent_frame *f, const xent_tally *tally) {
  const xent_status status = xent_check_struct(f, tally, _Alignof(xent_tally), XENT_FIELD_TALLY, false);
  if (status || !tally || tally->size == sizeof *tally) return status;
  return xent_refuse(f, XENT_INVALID_SIZE, XENT_FIELD_TALLY, (int64_t)tally->size);
}

/* An array of records, so many of a row: of all rows, whose places are counted from the first. */
static inline xent_status xent_check_records(xent_frame *f, const void *address, int64_t per_row, int64_t size,
                                             int32_t field, bool needed) {
  const xent_status status = xent_check_struct(f, address, _Alignof(uint64_t), field, needed);
  int64_t bytes;
  if (status || !address) return status;
  if (!__builtin_mul_overflow(f->rows, per_row, &bytes) && !__builtin_mul_overflow(bytes, size, &bytes)) return XENT_OK;
  return xent_refuse(f, XENT_INVALID_SHAPE, field, f->rows);
}
static inline xent_status xent_check_statistics_of(xent_frame *f, const xent_statistics *statistics, bool needed) {
  return xent_check_records(f, statistics, 1, sizeof *statistics, XENT_FIELD_STATISTICS, needed);
}
static inline xent_status xent_check_states_of(xent_frame *f, const xent_state *states) {
  return xent_check_records(f, states, xent_chunks(f->call.shape->classes), sizeof *states, XENT_FIELD_STATES, true);
}

static inline const void *xent_address_of(const xent_frame *f, const xent_rule *rule) {
  const void *address;
  memcpy(&address, (const char *)&f->call + rule->address, sizeof address);
  return address;
}
static inline const xent_layout *xent_layout_of(const xent_frame *f, const xent_rule *rule) {
  return (const xent_layout *)(const void *)((const char *)f->call.shape + rule->layout);
}

/* What the targets of a call are. */
static inline bool xent_has_label_targets(const xent_frame *f) {
  const xent_shape *s = f->call.shape;
  return !s->target_count && (xent_element_type_of(s->targets.type).holds & XENT_LABELS);
}

/* The bytes of an array; none where it is NULL. */
typedef struct {
  uintptr_t begin, end;
} xent_bytes;

static inline bool xent_meet(xent_bytes a, xent_bytes b) { return a.begin < b.end && b.begin < a.end; }

/* Not 0 where there is more to check in an array than this: whether it holds floats (U8 where they are flags, any type
 * of labels in the targets), has elements, no gaps, the order outer, classes, inner, and an aligned address. */
static inline uint64_t xent_is_unusual(const xent_frame *f, const xent_rule *rule, const void *address,
                                       xent_bytes *bytes) {
  const xent_layout *l = xent_layout_of(f, rule);
  const uint64_t inner = (uint64_t)f->call.shape->inner, classes = (uint64_t)f->call.shape->classes;
  const bool per_row = rule->form != XENT_PER_CLASS;
  int64_t size = rule->holds & XENT_NUMBERS ? (int64_t)sizeof(float) : 1;
  uint64_t unusual = (uint64_t)(l->type ^ (rule->holds & XENT_NUMBERS ? XENT_F32 : XENT_U8));
  if (rule->form == XENT_OF_TARGETS) {
    const xent_element_type type = xent_element_type_of(l->type);
    size = type.size;
    unusual = (uint64_t)(~type.holds & XENT_LABELS) | (uint64_t)f->call.shape->target_count;
  }
  const uint64_t begin = (uint64_t)(uintptr_t)address;
  *bytes = (xent_bytes){(uintptr_t)begin, (uintptr_t)(begin + (uint64_t)((per_row ? f->rows : f->elements) * size))};
  unusual |= (begin & (uint64_t)(size - 1)) | (uint64_t)l->reserved | ((uint64_t)l->inner ^ 1);
  return unusual | (per_row ? (uint64_t)l->outer ^ inner
                            : ((uint64_t)l->classes ^ inner) | ((uint64_t)l->outer ^ (classes * inner)));
}

/* Whether a call has usual arrays alone, all of which it needs are there, and there is nothing to refuse in them. To be
 * called with places that the compiler knows: then nothing of the table is left. */
__attribute__((always_inline)) static inline bool xent_arrays_are_usual(const xent_frame *f, const xent_place *places,
                                                                        int usual) {
  enum { MOST = 6 };
  xent_bytes bytes[MOST];
  uint64_t unusual = f->rare;
  if (f->numbers != XENT_IN_FLOAT || f->elements <= 0 || f->elements > INT64_MAX / 8) return false;
#pragma GCC unroll 8
  for (int i = 0; i < usual; i++) {
    const xent_rule *rule = &xent_rules[places[i].rule];
    const void *address = xent_address_of(f, rule);
    bytes[i] = (xent_bytes){0, 0};
    if (address) unusual |= xent_is_unusual(f, rule, address, &bytes[i]);
    else if (places[i].needed) unusual = 1;
  }
  if (unusual) return false;
#pragma GCC unroll 8
  for (int i = 0; i < usual; i++) {
    const xent_rule *written = &xent_rules[places[i].rule];
    if (!written->written || !bytes[i].end) continue;
#pragma GCC unroll 8
    for (int j = 0; j < usual; j++) {
      const xent_rule *other = &xent_rules[places[j].rule];
      if (i == j || (other->written && j < i) || !xent_meet(bytes[i], bytes[j])) continue;
      if (!xent_may_share(written, other) || bytes[i].begin != bytes[j].begin) return false;
    }
  }
  return true;
}

#endif
