/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the log-probabilities of selected classes. */
#include "api/calls.h"
#include "numerics/digest.h"

/* The options it has. */
#define OWN                                                                                              \
  (XENT_FIELD_BIT(IGNORE_INDEX) | XENT_FIELD_BIT(FULLY_MASKED) | XENT_FIELD_BIT(TEMPERATURE) |     \
   XENT_FIELD_BIT(SOFTCAP))

#define PLACE(name, rule, needed) XENT_PLACE(selected_log_probabilities, name, rule, needed)
static const xent_place places[] = {
    PLACE(logits, LOGITS, true), PLACE(targets, SELECTED_CLASSES, true),
    PLACE(log_probabilities, SELECTED_LOG_PROBABILITIES, false), PLACE(gradient, GRADIENT, false),
    PLACE(upstream, SELECTED_UPSTREAM, false), PLACE(class_mask, CLASS_MASK, false), PLACE(sink, SINK, false),
    PLACE(row_offsets, ROW_OFFSETS, false)};
#undef PLACE

#define PLACE(name, rule, needed) XENT_PLACE(selected_log_probabilities_backward, name, rule, needed)
static const xent_place backward_places[] = {
    PLACE(logits, LOGITS, true), PLACE(targets, SELECTED_CLASSES, true), PLACE(gradient, GRADIENT, true),
    PLACE(upstream, SELECTED_UPSTREAM, false), PLACE(class_mask, CLASS_MASK, false),
    PLACE(row_offsets, ROW_OFFSETS, false)};
#undef PLACE

static xent_status check_selected(xent_frame *f, const xent_place *own, int count, const xent_statistics *statistics,
                                  bool needed) {
  xent_status status = xent_check_rows(f);
  if (!status) status = xent_check_statistics_of(f, statistics, needed);
  if (!status) status = xent_check_foreign(f, OWN);
  if (!status && f->call.shape->target_count > XENT_MOST_SELECTED)
    status = xent_refuse(f, XENT_UNSUPPORTED, XENT_FIELD_TARGET_COUNT, f->call.shape->target_count);
  return status ? status : xent_check_arrays(f, own, count);
}

static xent_status run_selected(xent_frame *f) {
  xent_call *c = &f->call;
  c->output_layout = &c->shape->gradient;
  c->stream = worth_streaming(f, c->output, c->logits, 2);
  f->report->way = f->wide ? XENT_WAY_F64 : XENT_WAY_ROW;
  const xent_status status = run_kernel(f->kernels->selected, c);
  set_denominator(f);
  return status;
}

/* Their sums are split elsewhere than those of a cross-entropy with the same options. */
static uint32_t digest_of_selected(const xent_call *call) { return add_to_digest(xent_digest_of(call), 1); }

static xent_status forward(xent_frame *f) {
  xent_status status = xent_begin(f, false);
  if (!status) status = check_selected(f, places, XENT_COUNT(places), f->call.statistics, false);
  if (!status) {
    f->call.digest = digest_of_selected(&f->call);
    status = run_selected(f);
  }
  return xent_end(f, status);
}

static xent_status backward(xent_frame *f) {
  xent_status status = xent_begin(f, false);
  if (!status) status = check_selected(f, backward_places, XENT_COUNT(backward_places), f->call.known_statistics, true);
  if (!status) status = xent_check_statistics(f, XENT_KIND_LABEL, digest_of_selected(&f->call));
  if (!status) status = run_selected(f);
  return xent_end(f, status);
}

XENT_ENTRY(selected_log_probabilities, selected_log_probabilities, places, XENT_COUNT(places), NULL,
           f.call.statistics = c->statistics, forward(&f))

XENT_ENTRY(selected_log_probabilities_backward, selected_log_probabilities_backward, backward_places,
           XENT_COUNT(backward_places), NULL, f.call.known_statistics = c->statistics, backward(&f))

xent_status xent_selected_log_probabilities_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                               int64_t row_end, const void *logits, const void *targets,
                                               const void *row_offsets, const void *class_mask, const void *sink,
                                               const void *upstream, void *log_probabilities, void *gradient,
                                               xent_statistics *statistics, xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .logits = logits, .targets = targets, .row_offsets = row_offsets, .class_mask = class_mask,
                       .sink = sink, .upstream = upstream, .log_probabilities = log_probabilities,
                       .output = gradient, .statistics = statistics, .report = report};
  return forward(&f);
}

xent_status xent_selected_log_probabilities_backward_at(const xent_shape *shape, const xent_options *options,
                                                        int64_t row_begin, int64_t row_end, const void *logits,
                                                        const void *targets, const void *row_offsets,
                                                        const void *class_mask, const xent_statistics *statistics,
                                                        const void *upstream, void *gradient, xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .logits = logits, .targets = targets, .row_offsets = row_offsets, .class_mask = class_mask,
                       .known_statistics = statistics, .upstream = upstream, .output = gradient, .report = report};
  return backward(&f);
}
