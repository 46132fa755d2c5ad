/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of targets and weights before the first store. */
#include <float.h>

#include "api/calls.h"
#include "kernels/supported.h"
#include "kernels/stages/targets/targets.h"
#include "numerics/exact_sum.h"

/* ---- many labels at once ---- */

typedef struct {
  int64_t classes, ignore;
  bool ignores;
} label_rules;

/* The sum of float weights, and the bits of the largest and the smallest one other than 0. */
typedef struct {
  double sum;
  int32_t most, least;
} label_weights;

static inline void add_label_weight(label_weights *w, float weight) {
  int32_t bits;
  memcpy(&bits, &weight, sizeof bits);
  w->sum += (double)weight;
  w->most = bits > w->most ? bits : w->most;
  w->least = bits > 0 && bits < w->least ? bits : w->least;
}

/* Loops for contiguous labels of one type. They compare in the width of the labels, or in 32 bits. A limit that does
 * not fit this width is above every label. `count` has no branches. `weigh` adds the weights of the labels, too; it
 * loads each label once, because memory may change during a call. */
#define XENT_DEFINE_COUNT_LABELS(name, type, bits, most)                                                    \
  static bool count_##name(const void *all, int64_t begin, int64_t n, label_rules rules, int64_t *counted) { \
    const type *labels = (const type *)all + begin;                                                         \
    XENT_LABEL_LIMITS(type, bits, most)                                                                     \
    bits wrong = 0, ignored = 0;                                                                            \
    for (int64_t i = 0; i < n; i++) {                                                                       \
      const bits is_ignored = (bits)(labels[i] == ignore) & may_ignore;                                     \
      wrong |= (bits)((bits)labels[i] >= limit) & (is_ignored ^ 1);                                         \
      ignored += is_ignored;                                                                                \
    }                                                                                                       \
    if (!wrong) *counted += n - (int64_t)ignored;                                                           \
    return !wrong;                                                                                          \
  }                                                                                                         \
  static bool weigh_##name(const void *all, int64_t begin, int64_t n, label_rules rules, int64_t *counted,  \
                           const float *weights, label_weights *weighed) {                                  \
    const volatile type *labels = (const volatile type *)all + begin;                                       \
    XENT_LABEL_LIMITS(type, bits, most)                                                                     \
    label_weights w = {0, 0, INT32_MAX};                                                                    \
    int64_t ignored = 0;                                                                                    \
    for (int64_t i = 0; i < n; i++) {                                                                       \
      const type label = labels[i];                                                                         \
      const bool is_ignored = may_ignore && label == ignore;                                                \
      if (!is_ignored && (bits)label >= limit) return false;                                                \
      if (is_ignored) ignored++;                                                                            \
      else add_label_weight(&w, weights[label]);                                                            \
    }                                                                                                       \
    *counted += n - ignored;                                                                                \
    *weighed = w;                                                                                           \
    return true;                                                                                            \
  }
#define XENT_LABEL_LIMITS(type, bits, most)                                                \
  const bits limit = rules.classes > (most) ? (bits)(most) + 1 : (bits)rules.classes;      \
  const type ignore = (type)rules.ignore;                                                  \
  const bool holds = (type)-1 < (type)1 || rules.ignore >= 0;                              \
  const bits may_ignore = rules.ignores && holds && (int64_t)ignore == rules.ignore;
XENT_DEFINE_COUNT_LABELS(i8, int8_t, uint32_t, INT8_MAX)
XENT_DEFINE_COUNT_LABELS(u8, uint8_t, uint32_t, UINT8_MAX)
XENT_DEFINE_COUNT_LABELS(i16, int16_t, uint32_t, INT16_MAX)
XENT_DEFINE_COUNT_LABELS(i32, int32_t, uint32_t, INT32_MAX)
XENT_DEFINE_COUNT_LABELS(i64, int64_t, uint64_t, INT64_MAX)
XENT_DEFINE_COUNT_LABELS(u16, uint16_t, uint32_t, UINT16_MAX)
XENT_DEFINE_COUNT_LABELS(u32, uint32_t, uint64_t, UINT32_MAX)
XENT_DEFINE_COUNT_LABELS(u64, uint64_t, uint64_t, INT64_MAX)

typedef struct {
  bool (*count)(const void *all, int64_t begin, int64_t n, label_rules rules, int64_t *counted);
  bool (*weigh)(const void *all, int64_t begin, int64_t n, label_rules rules, int64_t *counted, const float *weights,
                label_weights *weighed);
} label_loops;
#define XENT_LABEL_LOOPS(name) {count_##name, weigh_##name}
static const label_loops loops_of_type[] = {
    [XENT_I8] = XENT_LABEL_LOOPS(i8),   [XENT_U8] = XENT_LABEL_LOOPS(u8),   [XENT_I16] = XENT_LABEL_LOOPS(i16),
    [XENT_I32] = XENT_LABEL_LOOPS(i32), [XENT_I64] = XENT_LABEL_LOOPS(i64), [XENT_U16] = XENT_LABEL_LOOPS(u16),
    [XENT_U32] = XENT_LABEL_LOOPS(u32), [XENT_U64] = XENT_LABEL_LOOPS(u64)};

/* Whether the labels of adjacent rows are adjacent. */
static bool labels_are_side_by_side(const xent_shape *shape) {
  const xent_layout *l = &shape->targets;
  return shape->inner == 1 ? l->outer == 1 : l->inner == 1 && l->outer == shape->inner;
}

static label_rules rules_of_labels(const xent_call *call) {
  return (label_rules){call->shape->classes, call->options->ignore_index, call->options->has_ignore_index};
}

/* Whether the labels of rows [begin, end) are contiguous and all valid; if so, adds the number of rows that count.
 * targets_of_row finds the invalid label, row by row. */
static bool count_labels(const xent_call *call, int64_t begin, int64_t end, int64_t *counted) {
  const label_loops *loops = &loops_of_type[call->shape->targets.type];
  return labels_are_side_by_side(call->shape) &&
         loops->count(call->targets, begin, end - begin, rules_of_labels(call), counted);
}

/* ---- rows ---- */

/* Counts the rows that are not ignored, or finds the first invalid label. It goes in steps, so that an error is found
 * soon. */
static xent_status count_rows(const xent_call *call) {
  enum { STEP = 4096 };
  int64_t *counted = &call->report->valid_rows;
  const int64_t end = call->row_end;
  if (!has_labels(call)) {
    *counted = end - call->row_begin;
    return XENT_OK;
  }
  for (int64_t begin = call->row_begin; begin < end; begin += STEP) {
    const int64_t stop = end - begin < STEP ? end : begin + STEP;
    if (count_labels(call, begin, stop, counted)) continue;
    for (int64_t row = begin; row < stop; row++) {
      row_targets t = targets_of_call(call);
      const xent_status status = targets_of_row(call, span_of_row(call, row), &t);
      if (status) return status;
      *counted += !t.ignored;
    }
  }
  return XENT_OK;
}

static bool is_weight(double weight) { return weight >= 0 && isfinite(weight); }

static xent_status refuse_weight(const xent_call *call, int32_t field, int64_t index, double weight) {
  call->report->value = weight;
  call->report->field = field;
  call->report->integer = index;
  return XENT_INVALID_OPTION;
}

/* Whether n floats are weights other than -0, whose bits are not above those of FLT_MAX. The loop has no early exit, so
 * that compilers vectorize it: a row may have one weight per logit. */
static bool are_weights(const float *weights, int64_t n) {
  uint32_t wrong = 0;
  for (int64_t k = 0; k < n; k++) {
    uint32_t bits;
    memcpy(&bits, &weights[k], sizeof bits);
    wrong |= bits | (bits + 0x00800000u);
  }
  return !(wrong >> 31);
}

static bool has_contiguous_class_weights(const xent_call *call) {
  const xent_layout *l = &call->shape->class_weights;
  return call->class_weights && l->type == XENT_F32 && l->classes == 1;
}

/* Without rows, the class weights are not checked. */
static xent_status check_class_weights(const xent_call *call) {
  const int64_t classes = call->shape->classes;
  if (!call->class_weights || call->row_begin == call->row_end) return XENT_OK;
  if (has_contiguous_class_weights(call) && are_weights(call->class_weights, classes)) return XENT_OK;
  for (int64_t k = 0; k < classes; k++) {
    const double weight = class_weight_at(call, k);
    if (!is_weight(weight)) return refuse_weight(call, XENT_FIELD_CLASS_WEIGHTS, k, weight);
  }
  return XENT_OK;
}

/* The only arrays of a call for weigh_labels: others change which labels count or how much, and weigh_rows adds to an
 * exact sum. */
#define XENT_OF_WEIGHED_LABELS (XENT_HAS(targets) | XENT_HAS(class_weights))

/* Whether labels and class weights are contiguous, the labels are valid, and the sum of their weights is exact in
 * double; if so, sets the results of the check. A float with exponent e is a multiple of 2^(e - 150) and below
 * 2^(e - 126), so n weights whose exponents differ by at most d have an exact sum if n 2^(d + 24) <= 2^53. */
static bool weigh_labels(const xent_call *call) {
  const int64_t n = call->row_end - call->row_begin;
  if (has_any(call, XENT_ALL_ARRAYS & ~XENT_OF_WEIGHED_LABELS) || call->shape->all_classes) return false;
  if (!has_labels(call) || !labels_are_side_by_side(call->shape) || !has_contiguous_class_weights(call)) return false;
  const label_loops *loops = &loops_of_type[call->shape->targets.type];
  int64_t counted = 0;
  label_weights w;
  if (!loops->weigh(call->targets, call->row_begin, n, rules_of_labels(call), &counted, call->class_weights, &w))
    return false;
  const int32_t difference = w.most > 0 ? (w.most >> 23) - (w.least >> 23) : 0;
  if (difference > 29 || n > INT64_C(1) << (29 - difference)) return false;
  call->report->valid_rows = counted;
  call->report->denominator = w.sum;
  return true;
}

/* The sum, or NaN if it is not a double. */
static double exact_or_nan(double sum, double weight) {
  const double next = sum + weight, added = next - sum;
  const double error = (sum - (next - added)) + (weight - added);
  return error == 0 ? next : NAN;
}

/* Row by row, if rows or classes have weights, a mask, or different lengths. Adds the weights of valid rows to an exact
 * sum, or, if it is NULL, to `sum`, and stops as soon as that would round. */
static xent_status check_each_row(const xent_call *call, xent_exact_sum *exact, double *sum) {
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    double weight = row_number(call, call->row_weights, &call->shape->row_weights, row, 1);
    if (!is_weight(weight)) return refuse_weight(call, XENT_FIELD_ROW_WEIGHTS, row, weight);
    row_targets t = targets_of_call(call);
    xent_status status = targets_of_row(call, span_of_row(call, row), &t);
    if (!status) status = check_sparse_row(call, span_of_row(call, row), &t);
    if (status) return status;
    if (t.ignored) continue;
    if (t.kind == XENT_KIND_LABEL && t.weighted) weight *= class_weight_at(call, t.label);
    call->report->valid_rows++;
    if (exact) {
      exact_sum_add_double(exact, weight);
      continue;
    }
    *sum = exact_or_nan(*sum, weight);
    if (isnan(*sum)) return XENT_OK;
  }
  return XENT_OK;
}

/* Checks the rows and sums their weights. An exact sum has hundreds of counters to clear and to read, so it is used
 * only if the caller wants it or an addition rounds. */
static xent_status weigh_rows(const xent_call *c) {
  xent_report *report = c->report;
  xent_status status = check_class_weights(c);
  if (!status && weigh_labels(c)) return XENT_OK;
  if (!status && !c->exact_sum) {
    double sum = 0;
    status = check_each_row(c, NULL, &sum);
    report->denominator = sum;
    if (status || !isnan(sum)) return status;
    report->valid_rows = 0;
  }
  xent_exact_sum exact = xent_empty_exact_sum();
  if (!status) status = check_each_row(c, &exact, NULL);
  report->denominator = xent_exact_sum_value(&exact);
  if (status || !c->exact_sum) return status;
  status = xent_exact_sum_merge(c->exact_sum, &exact); /* of more numbers than it can count */
  if (status) report->field = XENT_FIELD_EXACT_SUM;
  return status;
}

static xent_status check_rows(const xent_call *c) {
  if (c->row_offsets || c->class_mask || c->class_weights || c->row_weights || c->exact_sum || c->shape->target_count)
    return weigh_rows(c);
  const xent_status status = count_rows(c);
  c->report->denominator = (double)c->report->valid_rows;
  return status;
}

#define PLACES(_, c)                                                                  \
  _(c, targets, TARGETS, NEEDED) _(c, target_weights, TARGET_WEIGHTS, OPTIONAL)       \
  _(c, class_mask, CLASS_MASK, OPTIONAL) _(c, class_weights, CLASS_WEIGHTS, OPTIONAL) \
  _(c, row_weights, ROW_WEIGHTS, OPTIONAL) _(c, row_offsets, ROW_OFFSETS, OPTIONAL) \
  _(c, exact_sum, EXACT_SUM, OPTIONAL) \
  _(c, target_count, TARGET_COUNT, OPTIONAL)
XENT_PLACES(places, xent_check_targets_call, PLACES);

static xent_status check_targets(xent_frame *f);
const xent_entry xent_of_check_targets = {XENT_ARGUMENTS(xent_check_targets_call, 320, places, check_targets),
                                             .needs_report = true,
                                             .weighs_rows = true,
                                             .logits_type = offsetof(xent_check_targets_call, logits_type),
                                             .reserved = offsetof(xent_check_targets_call, reserved)};

static xent_status check_targets(xent_frame *f) {
  xent_status status = xent_begin_call(f, &xent_of_check_targets);
  if (!status && f->reserved) status = xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_LOGITS, f->reserved);
  if (!status) status = check_logits_type(f);
  if (!status) status = xent_check_arrays(f, &xent_of_check_targets);
  if (!status) status = check_target_rules(f, true);
  if (!status) status = f->keep ? xent_keep(f, check_rows) : check_rows(&f->call);
  return xent_end(f, status);
}

xent_status xent_check_targets(const xent_check_targets_call *c) { return xent_make_call(c, &xent_of_check_targets); }
