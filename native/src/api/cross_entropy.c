/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of cross-entropy. */
#include "api/calls.h"

enum { USUAL = 6, BACKWARD_USUAL = 4 };

#define PLACE(name, rule, needed) XENT_PLACE(cross_entropy, name, rule, needed)
static const xent_place places[] = {
    PLACE(logits, LOGITS, true), PLACE(targets, TARGETS, false), PLACE(losses, LOSSES, false),
    PLACE(log_sum_exp, LOG_SUM_EXP, false), PLACE(hits, HITS, false), PLACE(gradient, GRADIENT, false),
    PLACE(target_weights, TARGET_WEIGHTS, false), PLACE(class_mask, CLASS_MASK, false),
    PLACE(class_weights, CLASS_WEIGHTS, false), PLACE(row_weights, ROW_WEIGHTS, false), PLACE(sink, SINK, false),
    PLACE(log_probabilities, LOG_PROBABILITIES, false), PLACE(argmax, ARGMAX, false), PLACE(ranks, RANKS, false),
    PLACE(entropies, ENTROPIES, false), PLACE(top_classes, TOP_CLASSES, false),
    PLACE(top_log_probabilities, TOP_LOG_PROBABILITIES, false), PLACE(target_gradient, TARGET_GRADIENT, false),
    PLACE(row_offsets, ROW_OFFSETS, false)};
#undef PLACE

/* What a call with nothing but usual arrays, labels among them, has no need of. */
static xent_status check_rest(xent_frame *f) {
  xent_status status = xent_check_arrays(f, places, XENT_COUNT(places));
  const bool top = f->call.top_classes || f->call.top_log_probabilities;
  if (!status && top && f->call.shape->top_count == 0)
    status = xent_refuse(f, XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT, 0);
  if (!status) status = check_target_rules(f, true);
  return status ? status : check_outputs_of_targets(f);
}

static xent_status cross_entropy(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin(f, false);
  if (!status) status = xent_check_rows(f);
  if (!status)
    status = xent_check_statistics_of(f, c->statistics, false);
  if (!status) status = xent_check_tally(f, c->tally);
  if (!status && !(c->targets && xent_arrays_are_usual(f, places, USUAL))) status = check_rest(f);
  if (!status) {
    c->output_layout = &c->shape->gradient;
    c->stream = worth_streaming(f, c->output, c->logits, 2);
    if (c->statistics) c->digest = xent_digest_of(c);
    status = run_kernel(family_of(f)->cross_entropy_forward, c);
    set_denominator(f);
  }
  return xent_end(f, status);
}

XENT_ENTRY(cross_entropy, cross_entropy, places, USUAL, NULL,
           (f.call.statistics = c->statistics, f.call.tally = c->tally), cross_entropy(&f))

xent_status xent_cross_entropy_at(
    const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end, const void *logits,
    const void *targets, const void *target_weights, const void *row_offsets, const void *class_mask,
    const void *class_weights, const void *row_weights, const void *sink, void *losses, void *log_sum_exp, void *hits,
    void *log_probabilities, void *argmax, void *ranks, void *entropies, void *top_classes,
    void *top_log_probabilities, void *gradient, void *target_gradient, xent_statistics *statistics,
    xent_tally *tally, xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .logits = logits, .targets = targets, .target_weights = target_weights,
                       .row_offsets = row_offsets, .class_mask = class_mask, .class_weights = class_weights,
                       .row_weights = row_weights, .sink = sink, .losses = losses, .log_sum_exp = log_sum_exp,
                       .hits = hits, .log_probabilities = log_probabilities, .argmax = argmax, .ranks = ranks,
                       .entropies = entropies, .top_classes = top_classes,
                       .top_log_probabilities = top_log_probabilities, .output = gradient,
                       .target_gradient = target_gradient, .statistics = statistics, .tally = tally,
                       .report = report};
  XENT_FIND_RARE(&f, places, USUAL);
  return cross_entropy(&f);
}

xent_status xent_cross_entropy_plain_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                        int64_t row_end, const void *logits, const void *targets, void *losses,
                                        void *log_sum_exp, void *hits, void *gradient, xent_statistics *statistics,
                                        xent_tally *tally, xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .logits = logits, .targets = targets, .losses = losses, .log_sum_exp = log_sum_exp,
                       .hits = hits, .output = gradient, .statistics = statistics, .tally = tally, .report = report};
  f.rare = false;
  return cross_entropy(&f);
}

/* ---- backward ---- */

#define PLACE(name, rule, needed) XENT_PLACE(cross_entropy_backward, name, rule, needed)
static const xent_place backward_places[] = {
    PLACE(logits, LOGITS, true), PLACE(targets, TARGETS, true), PLACE(upstream, UPSTREAM_OF_ROWS, false),
    PLACE(gradient, GRADIENT, true), PLACE(target_weights, TARGET_WEIGHTS, false),
    PLACE(class_mask, CLASS_MASK, false), PLACE(class_weights, CLASS_WEIGHTS, false),
    PLACE(row_weights, ROW_WEIGHTS, false), PLACE(row_offsets, ROW_OFFSETS, false)};
#undef PLACE

static xent_status backward(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin(f, false);
  if (!status) status = xent_check_ranges(f);
  if (!status)
    status = xent_check_statistics_of(f, c->known_statistics, true);
  if (!status) status = XENT_CHECK_PLACES(f, backward_places, BACKWARD_USUAL);
  if (!status) status = check_target_rules(f, true);
  if (!status) status = xent_check_statistics(f, kind_of_targets(f), xent_digest_of(&f->call));
  if (!status) {
    c->output_layout = &c->shape->gradient;
    c->stream = worth_streaming(f, c->output, c->logits, 2);
    status = run_kernel(family_of(f)->cross_entropy_backward, c);
  }
  return xent_end(f, status);
}

XENT_ENTRY(cross_entropy_backward, cross_entropy_backward, backward_places, BACKWARD_USUAL, c->classes,
           f.call.known_statistics = c->statistics, backward(&f))

xent_status xent_cross_entropy_backward_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                           int64_t row_end, int64_t class_begin, int64_t class_end,
                                           const void *logits, const void *targets, const void *target_weights,
                                           const void *row_offsets, const void *class_mask,
                                           const void *class_weights, const void *row_weights,
                                           const xent_statistics *statistics, const void *upstream, void *gradient,
                                           xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .class_begin = class_begin, .class_end = class_end, .logits = logits, .targets = targets,
                       .target_weights = target_weights, .row_offsets = row_offsets, .class_mask = class_mask,
                       .class_weights = class_weights, .row_weights = row_weights, .known_statistics = statistics,
                       .upstream = upstream, .output = gradient, .report = report};
  XENT_FIND_RARE(&f, backward_places, BACKWARD_USUAL);
  return backward(&f);
}
