/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the log-probabilities of selected classes. */
#include "api/calls.h"
#include "kernels/present.h"
#include "numerics/digest.h"

#define OWN_OPTIONS .own_options = XENT_SETS(ignore_index) | XENT_OPTIONS_FOR(XENT_FOR_SELECTED)

#define PLACES(_, c)                                                                                            \
  _(c, logits, LOGITS, NEEDED) _(c, targets, SELECTED_CLASSES, NEEDED)                                          \
  _(c, log_probabilities, SELECTED_LOG_PROBABILITIES, OPTIONAL) _(c, gradient, GRADIENT, OPTIONAL)              \
  _(c, upstream, SELECTED_UPSTREAM, OPTIONAL) _(c, class_mask, CLASS_MASK, OPTIONAL) _(c, sink, SINK, OPTIONAL) \
  _(c, row_offsets, ROW_OFFSETS, OPTIONAL) _(c, statistics, STATISTICS, OPTIONAL) \
  _(c, target_count, TARGET_COUNT, OPTIONAL)
XENT_PLACES(places, xent_selected_log_probabilities_call, PLACES);

static xent_status forward(xent_frame *f);
const xent_entry xent_of_selected_log_probabilities = {
    XENT_ARGUMENTS(xent_selected_log_probabilities_call, 392, places, forward), .all_layouts = true, OWN_OPTIONS};

#define BACKWARD_PLACES(_, c)                                                                           \
  _(c, logits, LOGITS, NEEDED) _(c, targets, SELECTED_CLASSES, NEEDED) _(c, gradient, GRADIENT, NEEDED) \
  _(c, upstream, SELECTED_UPSTREAM, OPTIONAL) _(c, class_mask, CLASS_MASK, OPTIONAL)                    \
  _(c, row_offsets, ROW_OFFSETS, OPTIONAL) _(c, statistics, KNOWN_STATISTICS, NEEDED) \
  _(c, target_count, TARGET_COUNT, OPTIONAL)
XENT_PLACES(backward_places, xent_selected_log_probabilities_backward_call, BACKWARD_PLACES);

static xent_status backward(xent_frame *f);
const xent_entry xent_of_selected_log_probabilities_backward = {
    XENT_ARGUMENTS(xent_selected_log_probabilities_backward_call, 312, backward_places, backward), .all_layouts = true,
    OWN_OPTIONS};

__attribute__((always_inline)) static inline xent_status begin_selected(xent_frame *f, const xent_entry *own) {
  xent_status status = xent_begin_call(f, own);
  if (!status && f->call.shape->target_count > XENT_MOST_SELECTED)
    status = xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_TARGET_COUNT, f->call.shape->target_count);
  return status ? status : xent_check_arrays(f, own);
}

static xent_status run_selected(xent_frame *f) {
  use_gradient_as_output(f);
  report_path(f, f->wide ? XENT_PATH_F64 : XENT_PATH_ROW);
  return run_kernel(f, f->kernels->selected);
}

/* The sums are split differently from those of a cross-entropy with the same options. */
static uint32_t digest_of_selected(const xent_call *call) { return add_to_digest(xent_digest_of(call), 1); }

static xent_status forward(xent_frame *f) {
  xent_status status = begin_selected(f, &xent_of_selected_log_probabilities);
  if (!status) {
    f->call.digest = digest_of_selected(&f->call);
    status = run_selected(f);
  }
  return xent_end(f, status);
}

static xent_status backward(xent_frame *f) {
  xent_status status = begin_selected(f, &xent_of_selected_log_probabilities_backward);
  if (!status) status = xent_check_statistics(f, XENT_KIND_LABEL, digest_of_selected(&f->call));
  if (!status) status = run_selected(f);
  return xent_end(f, status);
}

xent_status xent_selected_log_probabilities(const xent_selected_log_probabilities_call *c) {
  return xent_make_call(c, &xent_of_selected_log_probabilities);
}
xent_status xent_selected_log_probabilities_backward(const xent_selected_log_probabilities_backward_call *c) {
  return xent_make_call(c, &xent_of_selected_log_probabilities_backward);
}
