/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of targets and weights before anything is written. */
#include <float.h>

#include "api/calls.h"
#include "api/label_check.h"
#include "kernels/targets/targets.h"
#include "numerics/tally.h"

/* Rows that are not ignored, or the first label that is wrong. In steps, so that it is soon found. */
static xent_status count_rows(const xent_frame *f) {
  enum { STEP = 4096 };
  const xent_call *call = &f->call;
  const int64_t end = call->row_end;
  if (!has_labels(call)) {
    f->report->counted = end - call->row_begin;
    return XENT_OK;
  }
  for (int64_t begin = call->row_begin; begin < end; begin += STEP) {
    const int64_t stop = end - begin < STEP ? end : begin + STEP;
    if (count_labels(call, begin, stop, &f->report->counted)) continue;
    for (int64_t row = begin; row < stop; row++) {
      row_targets t = targets_of_call(call);
      const xent_status status = targets_of_row(call, span_of_row(call, row), &t);
      if (status) return status;
      f->report->counted += !t.ignored;
    }
  }
  return XENT_OK;
}

static bool is_weight(double weight) { return weight >= 0 && isfinite(weight); }

static xent_status refuse_weight(xent_frame *f, int32_t field, int64_t index, double weight) {
  f->report->value = weight;
  return xent_refuse(f, XENT_INVALID_OPTION, field, index);
}

/* Without a way out, which a compiler takes several at a time: there may be as many as logits in a row. */
static bool are_weights(const float *weights, int64_t n) {
  uint32_t wrong = 0;
  for (int64_t k = 0; k < n; k++) wrong |= (uint32_t)!(weights[k] >= 0) | (uint32_t)!(weights[k] <= FLT_MAX);
  return !wrong;
}

/* Where there are no rows, nothing is known of them. */
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

/* Row by row, where rows or classes have weights, a mask, or lengths of their own. */
static xent_status check_each_row(xent_frame *f, xent_tally *weights) {
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
    tally_add_double(weights, weight);
    f->report->counted++;
  }
  return XENT_OK;
}

#define PLACE(name, rule, needed) XENT_PLACE(check_targets, name, rule, needed)
static const xent_place places[] = {
    PLACE(targets, TARGETS, true), PLACE(target_weights, TARGET_WEIGHTS, false),
    PLACE(class_mask, CLASS_MASK, false), PLACE(class_weights, CLASS_WEIGHTS, false),
    PLACE(row_weights, ROW_WEIGHTS, false), PLACE(row_offsets, ROW_OFFSETS, false)};
#undef PLACE
enum { USUAL = 1 };

static xent_status check_targets(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin(f, false);
  if (!status) status = xent_check_rows(f);
  if (!status && f->report == &f->own_report)
    status = xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_REPORT, 0);
  if (!status) status = xent_check_tally(f, c->tally);
  if (!status) status = check_logits_type(f);
  if (!status) status = XENT_CHECK_PLACES(f, places, USUAL);
  if (!status) status = check_target_rules(f, true);
  if (status) return xent_end(f, status);
  if (c->row_offsets || c->class_mask || c->class_weights || c->row_weights || c->tally || c->shape->target_count) {
    xent_tally sum = xent_empty_tally();
    status = check_class_weights(f);
    if (!status) status = check_each_row(f, &sum);
    f->report->denominator = xent_tally_sum(&sum);
    if (!status && c->tally) xent_tally_merge(c->tally, &sum);
  } else {
    status = count_rows(f);
    set_denominator(f);
  }
  return xent_end(f, status);
}

XENT_ENTRY(check_targets, check_targets, places, USUAL, NULL,
           (f.own_shape.logits = (xent_layout){.type = c->logits_type, .reserved = c->reserved},
            f.call.tally = c->weights), check_targets(&f))

xent_status xent_check_targets_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                  int64_t row_end, const void *targets, const void *target_weights,
                                  const void *row_offsets, const void *class_mask, const void *class_weights,
                                  const void *row_weights, xent_tally *weights, xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .targets = targets, .target_weights = target_weights, .row_offsets = row_offsets,
                       .class_mask = class_mask, .class_weights = class_weights, .row_weights = row_weights,
                       .tally = weights, .report = report};
  XENT_FIND_RARE(&f, places, USUAL);
  return check_targets(&f);
}
