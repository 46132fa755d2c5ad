/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of cross-entropy. */
#include "api/calls.h"

#define PLACE(name, rule, need) XENT_PLACE(xent_cross_entropy_call, name, rule, need)
static const xent_place places[] = {
    PLACE(logits, LOGITS, NEEDED), PLACE(targets, TARGETS, OPTIONAL), PLACE(losses, LOSSES, OPTIONAL),
    PLACE(log_sum_exp, LOG_SUM_EXP, OPTIONAL), PLACE(hits, HITS, OPTIONAL), PLACE(gradient, GRADIENT, OPTIONAL),
    PLACE(target_weights, TARGET_WEIGHTS, OPTIONAL), PLACE(class_mask, CLASS_MASK, OPTIONAL),
    PLACE(class_weights, CLASS_WEIGHTS, OPTIONAL), PLACE(row_weights, ROW_WEIGHTS, OPTIONAL),
    PLACE(sink, SINK, OPTIONAL), PLACE(log_probabilities, LOG_PROBABILITIES, OPTIONAL),
    PLACE(argmax, ARGMAX, OPTIONAL), PLACE(ranks, RANKS, OPTIONAL), PLACE(entropies, ENTROPIES, OPTIONAL),
    PLACE(top_classes, TOP_CLASSES, OPTIONAL), PLACE(top_log_probabilities, TOP_LOG_PROBABILITIES, OPTIONAL),
    PLACE(target_gradient, TARGET_GRADIENT, OPTIONAL), PLACE(row_offsets, ROW_OFFSETS, OPTIONAL),
    PLACE(statistics, STATISTICS, OPTIONAL), PLACE(tally, TALLY, OPTIONAL)};
#undef PLACE

static const xent_arguments arguments = {XENT_ARGUMENTS(xent_cross_entropy_call, places, 6)};

/* What a call with nothing but usual arrays, labels among them, has no need of. */
static xent_status check_rest(xent_frame *f) {
  xent_status status = xent_check_arrays(f, &arguments);
  if (!status) status = check_top_count(f);
  if (!status) status = check_target_rules(f, true);
  return status ? status : check_outputs_of_targets(f);
}

static xent_status forward(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &arguments);
  if (!status && !(c->targets && xent_arrays_are_usual(f, &arguments))) status = check_rest(f);
  if (!status) {
    write_gradient(f);
    if (c->statistics) c->digest = xent_digest_of(c);
    status = run_kernel(family_of(f)->cross_entropy_forward, c);
    set_denominator(f);
  }
  return xent_end(f, status);
}

xent_status xent_cross_entropy(const xent_cross_entropy_call *c) { return xent_run(c, &arguments, forward); }

xent_status xent_cross_entropy_at(
    const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end, const void *logits,
    const void *targets, const void *target_weights, const void *row_offsets, const void *class_mask,
    const void *class_weights, const void *row_weights, const void *sink, void *losses, void *log_sum_exp, void *hits,
    void *log_probabilities, void *argmax, void *ranks, void *entropies, void *top_classes,
    void *top_log_probabilities, void *gradient, void *target_gradient, xent_statistics *statistics,
    xent_tally *tally, xent_report *report) {
  XENT_RUN_AT(forward, XENT_GIVEN_TARGETS, XENT_GIVEN_LOSSES, XENT_GIVEN_CLASS_RESULTS, .logits = logits,
              .row_offsets = row_offsets, .row_weights = row_weights, .sink = sink, .argmax = argmax,
              .output = gradient, .target_gradient = target_gradient);
}

xent_status xent_cross_entropy_plain_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                        int64_t row_end, const void *logits, const void *targets, void *losses,
                                        void *log_sum_exp, void *hits, void *gradient, xent_statistics *statistics,
                                        xent_tally *tally, xent_report *report) {
  XENT_RUN_AT(forward, XENT_GIVEN_LOSSES, .logits = logits, .targets = targets, .output = gradient);
}

/* ---- backward ---- */

#define PLACE(name, rule, need) XENT_PLACE(xent_cross_entropy_backward_call, name, rule, need)
static const xent_place backward_places[] = {
    PLACE(logits, LOGITS, NEEDED), PLACE(targets, TARGETS, NEEDED), PLACE(upstream, UPSTREAM_OF_ROWS, OPTIONAL),
    PLACE(gradient, GRADIENT, NEEDED), PLACE(target_weights, TARGET_WEIGHTS, OPTIONAL),
    PLACE(class_mask, CLASS_MASK, OPTIONAL), PLACE(class_weights, CLASS_WEIGHTS, OPTIONAL),
    PLACE(row_weights, ROW_WEIGHTS, OPTIONAL), PLACE(row_offsets, ROW_OFFSETS, OPTIONAL),
    PLACE(statistics, KNOWN_STATISTICS, NEEDED)};
#undef PLACE

static const xent_arguments backward_args = {XENT_ARGUMENTS(xent_cross_entropy_backward_call, backward_places, 4)};

static xent_status backward(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &backward_args);
  if (!status) status = xent_check_places(f, &backward_args);
  if (!status) status = check_target_rules(f, true);
  if (!status) status = xent_check_statistics(f, kind_of_targets(f), xent_digest_of(c));
  if (!status) {
    write_gradient(f);
    status = run_kernel(family_of(f)->cross_entropy_backward, c);
  }
  return xent_end(f, status);
}

xent_status xent_cross_entropy_backward(const xent_cross_entropy_backward_call *c) {
  return xent_run(c, &backward_args, backward);
}

xent_status xent_cross_entropy_backward_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                           int64_t row_end, int64_t class_begin, int64_t class_end,
                                           const void *logits, const void *targets, const void *target_weights,
                                           const void *row_offsets, const void *class_mask,
                                           const void *class_weights, const void *row_weights,
                                           const xent_statistics *statistics, const void *upstream, void *gradient,
                                           xent_report *report) {
  XENT_RUN_AT(backward, XENT_GIVEN_CLASSES, XENT_GIVEN_TARGETS, .logits = logits, .row_offsets = row_offsets,
              .row_weights = row_weights, .known_statistics = statistics, .upstream = upstream,
              .output = gradient);
}
