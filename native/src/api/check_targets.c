/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of targets and weights before anything is written. */
#include "api/arrays.h"
#include "api/label_check.h"
#include "api/plain.h"
#include "kernels/general/targets.h"
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
      row_label label = {0, false};
      const xent_status status = label_of_row(call, row, &label);
      if (status) return status;
      f->report->counted += !label.ignored;
    }
  }
  return XENT_OK;
}

static bool is_weight(double weight) { return weight >= 0 && isfinite(weight); }

static xent_status refuse_weight(xent_frame *f, int32_t field, int64_t index, double weight) {
  f->report->value = weight;
  return xent_refuse(f, XENT_INVALID_OPTION, field, index);
}

/* Where there are no rows, nothing is known of them. */
static xent_status check_class_weights(xent_frame *f) {
  if (!f->call.class_weights || f->rows == 0) return XENT_OK;
  for (int64_t k = 0; k < f->shape->classes; k++) {
    const double weight = class_weight_at(&f->call, k);
    if (!is_weight(weight)) return refuse_weight(f, XENT_FIELD_CLASS_WEIGHTS, k, weight);
  }
  return XENT_OK;
}

/* Row by row, where rows or classes have weights, a mask, or lengths of their own. */
static xent_status check_each_row(xent_frame *f, xent_tally *weights) {
  const xent_call *call = &f->call;
  for (int64_t row = call->row_begin; row < call->row_end; row++) {
    double weight = row_weight_at(call, row);
    if (!is_weight(weight)) return refuse_weight(f, XENT_FIELD_ROW_WEIGHTS, row, weight);
    row_targets t;
    const xent_status status = targets_of_row(call, span_of_row(call, row), &t);
    if (status) return status;
    if (t.ignored) continue;
    if (t.kind == XENT_KIND_LABEL && t.weighted) weight *= class_weight_at(call, t.label);
    tally_add_double(weights, weight);
    f->report->counted++;
  }
  return XENT_OK;
}

xent_status xent_check_targets(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                               int64_t row_end, const void *targets, const void *target_weights,
                               const void *row_offsets, const void *class_mask, const void *class_weights,
                               const void *row_weights, xent_tally *weights, xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report, false);
  const bool each = row_offsets || class_mask || class_weights || row_weights || weights ||
                    (!status && f.shape->target_count);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, 0, f.shape->classes);
  if (!status) status = xent_check_whole(&f);
  if (!status) status = xent_check_struct(&f, report, _Alignof(xent_report), XENT_FIELD_REPORT, false);
  if (!status) status = check_tally(&f, weights);
  if (!status) status = xent_check_row_offsets(&f, row_offsets);
  if (!status) status = check_target_weights(&f, target_weights);
  if (!status && !are_plain_labels(&f, targets, &f.shape->targets)) {
    const xent_array array = targets_array(&f, targets, false);
    status = xent_check_arrays(&f, &array, 1);
  }
  if (!status && each) {
    const xent_array rest[] = {target_weights_array(&f, target_weights), class_mask_array(&f, class_mask),
                               class_weights_array(&f, class_weights), row_weights_array(&f, row_weights)};
    status = xent_check_arrays(&f, rest, 4);
  }
  if (!status) status = check_target_rules(&f, targets, NULL);
  if (!status) {
    f.call.targets = targets;
    f.call.target_weights = target_weights;
    f.call.class_mask = class_mask;
    f.call.class_weights = class_weights;
    f.call.row_weights = row_weights;
    if (each) {
      xent_tally sum = xent_empty_tally();
      status = check_class_weights(&f);
      if (!status) status = check_each_row(&f, &sum);
      f.report->denominator = xent_tally_sum(&sum);
      if (!status && weights) xent_tally_merge(weights, &sum);
    } else {
      status = count_rows(&f);
      set_denominator(&f);
    }
  }
  return xent_frame_end(&f, report, status);
}
