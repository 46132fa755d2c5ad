/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of targets and weights before the first store. */
#include <float.h>

#include "api/calls.h"
#include "kernels/present.h"
#include "kernels/targets/targets.h"
#include "numerics/exact_sum.h"

/* ---- many labels at once ---- */

typedef struct {
  int64_t classes, ignore;
  bool ignores;
} label_rules;

/* A loop without branches for contiguous labels of one type. It compares in the width of the labels, or in 32 bits. A
 * limit that does not fit this width is above every label. */
#define XENT_DEFINE_COUNT_LABELS(name, type, bits, most)                                                   \
  static bool count_##name(const void *all, int64_t begin, int64_t n, label_rules rules, int64_t *counted) {\
    const type *labels = (const type *)all + begin;                                                        \
    const bits limit = rules.classes > (most) ? (bits)(most) + 1 : (bits)rules.classes;                    \
    const type ignore = (type)rules.ignore;                                                                \
    const bool holds = (type)-1 < (type)1 || rules.ignore >= 0;                                            \
    const bits may_ignore = rules.ignores && holds && (int64_t)ignore == rules.ignore;                     \
    bits wrong = 0, ignored = 0;                                                                           \
    for (int64_t i = 0; i < n; i++) {                                                                      \
      const bits is_ignored = (bits)(labels[i] == ignore) & may_ignore;                                    \
      wrong |= (bits)((bits)labels[i] >= limit) & (is_ignored ^ 1);                                        \
      ignored += is_ignored;                                                                               \
    }                                                                                                      \
    if (!wrong) *counted += n - (int64_t)ignored;                                                          \
    return !wrong;                                                                                         \
  }
XENT_DEFINE_COUNT_LABELS(i8, int8_t, uint32_t, INT8_MAX)
XENT_DEFINE_COUNT_LABELS(u8, uint8_t, uint32_t, UINT8_MAX)
XENT_DEFINE_COUNT_LABELS(i16, int16_t, uint32_t, INT16_MAX)
XENT_DEFINE_COUNT_LABELS(i32, int32_t, uint32_t, INT32_MAX)
XENT_DEFINE_COUNT_LABELS(i64, int64_t, uint64_t, INT64_MAX)
XENT_DEFINE_COUNT_LABELS(u16, uint16_t, uint32_t, UINT16_MAX)
XENT_DEFINE_COUNT_LABELS(u32, uint32_t, uint64_t, UINT32_MAX)
XENT_DEFINE_COUNT_LABELS(u64, uint64_t, uint64_t, INT64_MAX)

static bool (*const count_of_type[])(const void *all, int64_t begin, int64_t n, label_rules rules, int64_t *counted) = {
    [XENT_I8] = count_i8, [XENT_U8] = count_u8, [XENT_I16] = count_i16, [XENT_I32] = count_i32,
    [XENT_I64] = count_i64, [XENT_U16] = count_u16, [XENT_U32] = count_u32, [XENT_U64] = count_u64};

/* Whether the labels of rows [begin, end) are contiguous and all valid; if so, adds the number of rows that count.
 * targets_of_row finds the invalid label, row by row. */
static bool count_labels(const xent_call *call, int64_t begin, int64_t end, int64_t *counted) {
  const xent_shape *shape = call->shape;
  const xent_layout *l = &shape->targets;
  const bool side_by_side = shape->inner == 1 ? l->outer == 1 : l->inner == 1 && l->outer == shape->inner;
  const label_rules rules = {shape->classes, call->options->ignore_index, call->options->has_ignore_index};
  return side_by_side && count_of_type[l->type](call->targets, begin, end - begin, rules, counted);
}

/* ---- rows ---- */

/* Counts the rows that are not ignored, or finds the first invalid label. It goes in steps, so that an error is found
 * soon. */
static xent_status count_rows(const xent_frame *f) {
  enum { STEP = 4096 };
  const xent_call *call = &f->call;
  const int64_t end = call->row_end;
  if (!has_labels(call)) {
    f->report->valid_rows = end - call->row_begin;
    return XENT_OK;
  }
  for (int64_t begin = call->row_begin; begin < end; begin += STEP) {
    const int64_t stop = end - begin < STEP ? end : begin + STEP;
    if (count_labels(call, begin, stop, &f->report->valid_rows)) continue;
    for (int64_t row = begin; row < stop; row++) {
      row_targets t = targets_of_call(call);
      const xent_status status = targets_of_row(call, span_of_row(call, row), &t);
      if (status) return status;
      f->report->valid_rows += !t.ignored;
    }
  }
  return XENT_OK;
}

static bool is_weight(double weight) { return weight >= 0 && isfinite(weight); }

static xent_status refuse_weight(xent_frame *f, int32_t field, int64_t index, double weight) {
  f->report->value = weight;
  return xent_refuse(f, XENT_INVALID_OPTION, field, index);
}

/* Has no early exit, so that compilers vectorize it: a row may have one weight per logit. */
static bool are_weights(const float *weights, int64_t n) {
  uint32_t wrong = 0;
  for (int64_t k = 0; k < n; k++) wrong |= (uint32_t)!(weights[k] >= 0) | (uint32_t)!(weights[k] <= FLT_MAX);
  return !wrong;
}

/* Without rows, the class weights are not checked. */
static xent_status check_class_weights(xent_frame *f) {
  const xent_layout *l = &f->call.shape->class_weights;
  const void *weights = f->call.class_weights;
  if (!weights || f->rows == 0) return XENT_OK;
  if (l->type == XENT_F32 && l->classes == 1 && are_weights(weights, f->call.shape->classes)) return XENT_OK;
  for (int64_t k = 0; k < f->call.shape->classes; k++) {
    const double weight = class_weight_at(&f->call, k);
    if (!is_weight(weight)) return refuse_weight(f, XENT_FIELD_CLASS_WEIGHTS, k, weight);
  }
  return XENT_OK;
}

/* The sum, or NaN if it is not a double. */
static double exact_or_nan(double sum, double weight) {
  const double next = sum + weight, added = next - sum;
  const double error = (sum - (next - added)) + (weight - added);
  return error == 0 ? next : NAN;
}

/* Row by row, if rows or classes have weights, a mask, or different lengths. Adds the weights of valid rows to an exact
 * sum, or, if it is NULL, to `sum`, and stops as soon as that would round. */
static xent_status check_each_row(xent_frame *f, xent_exact_sum *exact, double *sum) {
  const xent_call *call = &f->call;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    double weight = row_number(call, call->row_weights, &call->shape->row_weights, row, 1);
    if (!is_weight(weight)) return refuse_weight(f, XENT_FIELD_ROW_WEIGHTS, row, weight);
    row_targets t = targets_of_call(call);
    xent_status status = targets_of_row(call, span_of_row(call, row), &t);
    if (!status) status = check_sparse_row(call, span_of_row(call, row), &t);
    if (status) return status;
    if (t.ignored) continue;
    if (t.kind == XENT_KIND_LABEL && t.weighted) weight *= class_weight_at(call, t.label);
    f->report->valid_rows++;
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
static xent_status weigh_rows(xent_frame *f) {
  const xent_call *c = &f->call;
  xent_status status = check_class_weights(f);
  if (!status && !c->exact_sum) {
    double sum = 0;
    status = check_each_row(f, NULL, &sum);
    f->report->denominator = sum;
    if (status || !isnan(sum)) return status;
    f->report->valid_rows = 0;
  }
  xent_exact_sum exact = xent_empty_exact_sum();
  if (!status) status = check_each_row(f, &exact, NULL);
  f->report->denominator = xent_exact_sum_value(&exact);
  if (!status && c->exact_sum) xent_exact_sum_merge(c->exact_sum, &exact);
  return status;
}

#define PLACES(_, c)                                                                  \
  _(c, targets, TARGETS, NEEDED) _(c, target_weights, TARGET_WEIGHTS, OPTIONAL)       \
  _(c, class_mask, CLASS_MASK, OPTIONAL) _(c, class_weights, CLASS_WEIGHTS, OPTIONAL) \
  _(c, row_weights, ROW_WEIGHTS, OPTIONAL) _(c, row_offsets, ROW_OFFSETS, OPTIONAL) _(c, exact_sum, EXACT_SUM, OPTIONAL)
XENT_PLACES(places, xent_check_targets_call, PLACES);

/* The arrays that are read above. */
#define XENT_OF_CHECK_TARGETS \
  (XENT_TARGETS_OF_ROWS | XENT_HAS(class_mask) | XENT_HAS(row_offsets) | XENT_HAS(exact_sum))
XENT_KNOWS_ALL(XENT_OF_CHECK_TARGETS, XENT_TAKEN_BY_CHECK_TARGETS, "api/check_targets.c");

static xent_status check_targets(xent_frame *f);
const xent_function xent_of_check_targets = {XENT_ARGUMENTS(xent_check_targets_call, places, 1, check_targets),
                                             .needs_report = true,
                                             .logits_type = offsetof(xent_check_targets_call, logits_type),
                                             .reserved = offsetof(xent_check_targets_call, reserved)};

static xent_status check_targets(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &xent_of_check_targets);
  if (!status && f->reserved) status = xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_LOGITS, f->reserved);
  if (!status) status = check_logits_type(f);
  if (!status) status = xent_check_places(f, &xent_of_check_targets);
  if (!status) status = check_target_rules(f, true);
  if (status || f->keep) return xent_end(f, status);
  if (c->row_offsets || c->class_mask || c->class_weights || c->row_weights || c->exact_sum || c->shape->target_count) {
    status = weigh_rows(f);
  } else {
    status = count_rows(f);
    f->report->denominator = (double)f->report->valid_rows;
  }
  return xent_end(f, status);
}

xent_status xent_check_targets(const xent_check_targets_call *c) { return xent_make_call(c, &xent_of_check_targets); }
