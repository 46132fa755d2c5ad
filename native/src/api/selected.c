/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the log-probabilities of selected classes. */
#include "api/calls.h"
#include "numerics/digest.h"

#define OWN_OPTIONS                                                                                           \
  .own_options = XENT_FIELD_BIT(IGNORE_INDEX) | XENT_FIELD_BIT(FULLY_MASKED) | XENT_FIELD_BIT(TEMPERATURE) | \
                 XENT_FIELD_BIT(SOFTCAP)

#define PLACE(name, rule, need) XENT_PLACE(xent_selected_log_probabilities_call, name, rule, need)
static const xent_place places[] = {
    PLACE(logits, LOGITS, NEEDED), PLACE(targets, SELECTED_CLASSES, NEEDED),
    PLACE(log_probabilities, SELECTED_LOG_PROBABILITIES, OPTIONAL), PLACE(gradient, GRADIENT, OPTIONAL),
    PLACE(upstream, SELECTED_UPSTREAM, OPTIONAL), PLACE(class_mask, CLASS_MASK, OPTIONAL),
    PLACE(sink, SINK, OPTIONAL), PLACE(row_offsets, ROW_OFFSETS, OPTIONAL),
    PLACE(statistics, STATISTICS, OPTIONAL)};
#undef PLACE

static const xent_arguments arguments = {
    XENT_ARGUMENTS(xent_selected_log_probabilities_call, places, XENT_COUNT(places)), OWN_OPTIONS};

#define PLACE(name, rule, need) XENT_PLACE(xent_selected_log_probabilities_backward_call, name, rule, need)
static const xent_place backward_places[] = {
    PLACE(logits, LOGITS, NEEDED), PLACE(targets, SELECTED_CLASSES, NEEDED), PLACE(gradient, GRADIENT, NEEDED),
    PLACE(upstream, SELECTED_UPSTREAM, OPTIONAL), PLACE(class_mask, CLASS_MASK, OPTIONAL),
    PLACE(row_offsets, ROW_OFFSETS, OPTIONAL), PLACE(statistics, KNOWN_STATISTICS, NEEDED)};
#undef PLACE

static const xent_arguments backward_args = {
    XENT_ARGUMENTS(xent_selected_log_probabilities_backward_call, backward_places, XENT_COUNT(backward_places)),
    OWN_OPTIONS};

__attribute__((always_inline)) static inline xent_status begin_selected(xent_frame *f, const xent_arguments *own) {
  xent_status status = xent_begin_call(f, own);
  if (!status && f->call.shape->target_count > XENT_MOST_SELECTED)
    status = xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_TARGET_COUNT, f->call.shape->target_count);
  return status ? status : xent_check_arrays(f, own);
}

static xent_status run_selected(xent_frame *f) {
  write_gradient(f);
  f->report->way = f->wide ? XENT_WAY_F64 : XENT_WAY_ROW;
  const xent_status status = run_kernel(f->kernels->selected, &f->call);
  set_denominator(f);
  return status;
}

/* Their sums are split elsewhere than those of a cross-entropy with the same options. */
static uint32_t digest_of_selected(const xent_call *call) { return add_to_digest(xent_digest_of(call), 1); }

static xent_status forward(xent_frame *f) {
  xent_status status = begin_selected(f, &arguments);
  if (!status) {
    f->call.digest = digest_of_selected(&f->call);
    status = run_selected(f);
  }
  return xent_end(f, status);
}

static xent_status backward(xent_frame *f) {
  xent_status status = begin_selected(f, &backward_args);
  if (!status) status = xent_check_statistics(f, XENT_KIND_LABEL, digest_of_selected(&f->call));
  if (!status) status = run_selected(f);
  return xent_end(f, status);
}

xent_status xent_selected_log_probabilities(const xent_selected_log_probabilities_call *c) {
  return xent_run(c, &arguments, forward);
}
xent_status xent_selected_log_probabilities_backward(const xent_selected_log_probabilities_backward_call *c) {
  return xent_run(c, &backward_args, backward);
}

xent_status xent_selected_log_probabilities_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                               int64_t row_end, const void *logits, const void *targets,
                                               const void *row_offsets, const void *class_mask, const void *sink,
                                               const void *upstream, void *log_probabilities, void *gradient,
                                               xent_statistics *statistics, xent_report *report) {
  XENT_RUN_AT(forward, .logits = logits, .targets = targets, .row_offsets = row_offsets, .class_mask = class_mask,
              .sink = sink, .upstream = upstream, .log_probabilities = log_probabilities, .output = gradient,
              .statistics = statistics);
}

xent_status xent_selected_log_probabilities_backward_at(const xent_shape *shape, const xent_options *options,
                                                        int64_t row_begin, int64_t row_end, const void *logits,
                                                        const void *targets, const void *row_offsets,
                                                        const void *class_mask, const xent_statistics *statistics,
                                                        const void *upstream, void *gradient, xent_report *report) {
  XENT_RUN_AT(backward, .logits = logits, .targets = targets, .row_offsets = row_offsets,
              .class_mask = class_mask, .known_statistics = statistics, .upstream = upstream, .output = gradient);
}
