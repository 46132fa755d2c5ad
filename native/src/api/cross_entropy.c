/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of cross-entropy. */
#include "api/arrays.h"
#include "api/plain.h"

/* Whether there is nothing to refuse in the arrays of a forward. */
static inline bool are_plain(const xent_frame *f, const void *logits, const void *targets, const void *losses,
                             const void *log_sum_exp, const void *hits, const void *gradient) {
  const xent_shape *s = f->shape;
  if (!is_plain_tensor(f, logits, &s->logits) || !are_plain_labels(f, targets, &s->targets) ||
      !is_plain_output(f, losses, &s->losses, XENT_F32) || !is_plain_output(f, log_sum_exp, &s->log_sum_exp, XENT_F32) ||
      !is_plain_output(f, hits, &s->hits, XENT_U8) || (gradient && !is_plain_tensor(f, gradient, &s->gradient)))
    return false;
  const int64_t number = sizeof(float);
  const byte_range x = bytes_of(logits, f->elements, number), t = bytes_of(targets, f->rows, xent_type_size(s->targets.type)),
                   dx = bytes_of(gradient, f->elements, number), l = bytes_of(losses, f->rows, number),
                   e = bytes_of(log_sum_exp, f->rows, number), h = bytes_of(hits, f->rows, 1);
  if (meet(l, x) || meet(l, t) || !may_be_written(dx, x) || meet(dx, t) || meet(dx, l)) return false;
  if (!log_sum_exp && !hits) return true;
  return !(meet(e, x) || meet(e, t) || meet(e, dx) || meet(e, l) || meet(h, x) || meet(h, t) || meet(h, dx) || meet(h, l) ||
           meet(h, e));
}

/* The same of a backward. */
static inline bool are_plain_backwards(const xent_frame *f, const void *logits, const void *targets, const void *upstream,
                                       const void *gradient) {
  return gradient && are_plain(f, logits, targets, NULL, NULL, NULL, gradient) &&
         is_plain_output(f, upstream, &f->shape->upstream, XENT_F32) &&
         !meet(bytes_of(upstream, f->rows, sizeof(float)), bytes_of(gradient, f->elements, sizeof(float)));
}

xent_status xent_cross_entropy_forward(const xent_shape *shape, const xent_options *options,
                                       int64_t row_begin, int64_t row_end, const void *logits,
                                       const void *targets, void *losses, void *log_sum_exp, void *hits,
                                       void *gradient, xent_statistics *statistics, xent_tally *tally,
                                       xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report, false);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, 0, f.shape->classes);
  if (!status) status = xent_check_whole(&f);
  if (!status && f.shape->target_count)
    status = xent_refuse(&f, XENT_INVALID_SHAPE, XENT_FIELD_TARGET_COUNT, f.shape->target_count);
  if (!status)
    status = xent_check_struct(&f, statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, true);
  if (!status) status = check_tally(&f, tally);
  if (!status && !are_plain(&f, logits, targets, losses, log_sum_exp, hits, gradient)) {
    const xent_array arrays[] = {
        logits_array(&f, logits),
        targets_array(&f, targets, false),
        row_output(losses, &f.shape->losses, XENT_FIELD_LOSSES, f.floats),
        row_output(log_sum_exp, &f.shape->log_sum_exp, XENT_FIELD_LOG_SUM_EXP, f.floats),
        row_output(hits, &f.shape->hits, XENT_FIELD_HITS, XENT_TYPE_BIT(XENT_U8)),
        gradient_array(&f, gradient, true)};
    status = xent_check_arrays(&f, arrays, 6);
  }
  if (!status) status = check_target_rules(&f, targets, hits);
  if (!status) {
    f.call.logits = logits;
    f.call.targets = targets;
    f.call.losses = losses;
    f.call.log_sum_exp = log_sum_exp;
    f.call.hits = hits;
    f.call.output = gradient;
    f.call.output_layout = &f.shape->gradient;
    f.call.statistics = statistics;
    f.call.tally = tally;
    f.call.stream = worth_streaming(&f, gradient, logits, 2);
    status = run_kernel(family_of(&f)->cross_entropy_forward, &f.call);
    set_denominator(&f);
  }
  return xent_frame_end(&f, report, status);
}

/* What needs targets, and what needs labels. */
static xent_status check_wanted(xent_frame *f) {
  const xent_call *c = &f->call;
  const bool labels = c->targets && targets_are_labels(f);
  const struct {
    const void *array;
    bool needs_labels;
    int32_t field;
  } wanted[] = {{c->losses, false, XENT_FIELD_LOSSES},
                {c->output, false, XENT_FIELD_GRADIENT},
                {c->tally, false, XENT_FIELD_TALLY},
                {c->target_gradient, false, XENT_FIELD_TARGET_GRADIENT},
                {c->statistics, false, XENT_FIELD_STATISTICS},
                {c->hits, true, XENT_FIELD_HITS},
                {c->log_probabilities, true, XENT_FIELD_LOG_PROBABILITIES},
                {c->ranks, true, XENT_FIELD_RANKS}};
  for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
    if (wanted[i].array && !(wanted[i].needs_labels ? labels : c->targets != NULL))
      return xent_refuse(f, XENT_INVALID_ARGUMENT, wanted[i].field, 0);
  if (c->target_gradient && labels) return xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_TARGET_GRADIENT, 0);
  return XENT_OK;
}

xent_status xent_cross_entropy_full(
    const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end, const void *logits,
    const void *targets, const void *target_weights, const void *row_offsets, const void *class_mask,
    const void *class_weights, const void *row_weights, const void *sink, void *losses, void *log_sum_exp,
    void *hits, void *log_probabilities, void *argmax, void *ranks, void *entropies, void *top_classes,
    void *top_log_probabilities, void *gradient, void *target_gradient, xent_statistics *statistics,
    xent_tally *tally, xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report, false);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, 0, f.shape->classes);
  if (!status) status = xent_check_whole(&f);
  if (!status)
    status = xent_check_struct(&f, statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, true);
  if (!status) status = check_tally(&f, tally);
  if (!status) status = xent_check_row_offsets(&f, row_offsets);
  if (!status) status = check_target_weights(&f, target_weights);
  if (!status) {
    const xent_shape *s = f.shape;
    xent_array of_targets = targets_array(&f, targets, true);
    of_targets.address = target_gradient;
    of_targets.layout = &s->target_gradient;
    of_targets.field = XENT_FIELD_TARGET_GRADIENT;
    of_targets.types = f.floats;
    of_targets.written = true;
    const xent_array arrays[] = {
        logits_array(&f, logits),
        targets_array(&f, targets, true),
        target_weights_array(&f, target_weights),
        class_mask_array(&f, class_mask),
        class_weights_array(&f, class_weights),
        row_weights_array(&f, row_weights),
        sink_array(&f, sink),
        row_output(losses, &s->losses, XENT_FIELD_LOSSES, f.floats),
        row_output(log_sum_exp, &s->log_sum_exp, XENT_FIELD_LOG_SUM_EXP, f.floats),
        row_output(hits, &s->hits, XENT_FIELD_HITS, XENT_TYPE_BIT(XENT_U8)),
        row_output(log_probabilities, &s->log_probabilities, XENT_FIELD_LOG_PROBABILITIES, f.floats),
        row_output(argmax, &s->argmax, XENT_FIELD_ARGMAX, XENT_CLASS_TYPES),
        row_output(ranks, &s->ranks, XENT_FIELD_RANKS, XENT_CLASS_TYPES),
        row_output(entropies, &s->entropies, XENT_FIELD_ENTROPIES, f.floats),
        top_output(&f, top_classes, &s->top_classes, XENT_FIELD_TOP_CLASSES, XENT_CLASS_TYPES),
        top_output(&f, top_log_probabilities, &s->top_log_probabilities, XENT_FIELD_TOP_LOG_PROBABILITIES, f.floats),
        gradient_array(&f, gradient, true),
        of_targets};
    status = xent_check_arrays(&f, arrays, sizeof arrays / sizeof *arrays);
  }
  if (!status && (top_classes || top_log_probabilities) && f.shape->top_count == 0)
    status = xent_refuse(&f, XENT_INVALID_SHAPE, XENT_FIELD_TOP_COUNT, 0);
  if (!status) status = check_target_rules(&f, targets, NULL);
  if (!status) {
    xent_call *c = &f.call;
    c->logits = logits;
    c->targets = targets;
    c->target_weights = target_weights;
    c->class_mask = class_mask;
    c->class_weights = class_weights;
    c->row_weights = row_weights;
    c->sink = sink;
    c->losses = losses;
    c->log_sum_exp = log_sum_exp;
    c->hits = hits;
    c->log_probabilities = log_probabilities;
    c->argmax = argmax;
    c->ranks = ranks;
    c->entropies = entropies;
    c->top_classes = top_classes;
    c->top_log_probabilities = top_log_probabilities;
    c->target_gradient = target_gradient;
    c->output = gradient;
    c->output_layout = &f.shape->gradient;
    c->statistics = statistics;
    c->tally = tally;
    c->stream = worth_streaming(&f, gradient, logits, 2);
    f.general |= !targets || target_weights || class_mask || class_weights || row_weights || sink ||
                 log_probabilities || argmax || ranks || entropies || top_classes || top_log_probabilities ||
                 target_gradient;
    status = check_wanted(&f);
    if (!status) status = run_kernel(family_of(&f)->cross_entropy_forward, c);
    set_denominator(&f);
  }
  return xent_frame_end(&f, report, status);
}

xent_status xent_cross_entropy_backward(const xent_shape *shape, const xent_options *options,
                                        int64_t row_begin, int64_t row_end, int64_t class_begin,
                                        int64_t class_end, const void *logits, const void *targets,
                                        const void *target_weights, const void *row_offsets,
                                        const void *class_mask, const void *class_weights,
                                        const void *row_weights, const xent_statistics *statistics,
                                        const void *upstream, void *gradient, xent_report *report) {
  xent_frame f;
  const bool rest = target_weights || row_offsets || class_mask || class_weights || row_weights;
  xent_status status = xent_frame_begin(&f, shape, options, report, false);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, class_begin, class_end);
  if (!status)
    status = xent_check_struct(&f, statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, false);
  if (!status) status = xent_check_row_offsets(&f, row_offsets);
  if (!status) status = check_target_weights(&f, target_weights);
  if (!status && (rest || !are_plain_backwards(&f, logits, targets, upstream, gradient))) {
    const xent_array arrays[] = {logits_array(&f, logits),
                                 targets_array(&f, targets, false),
                                 row_input(upstream, &f.shape->upstream, XENT_FIELD_UPSTREAM, f.floats),
                                 gradient_array(&f, gradient, false),
                                 target_weights_array(&f, target_weights),
                                 class_mask_array(&f, class_mask),
                                 class_weights_array(&f, class_weights),
                                 row_weights_array(&f, row_weights)};
    status = xent_check_arrays(&f, arrays, 8);
    f.general |= rest;
  }
  if (!status) status = check_target_rules(&f, targets, NULL);
  if (!status) status = xent_check_statistics(&f, statistics, kind_of_targets(&f));
  if (!status) {
    f.call.logits = logits;
    f.call.targets = targets;
    f.call.target_weights = target_weights;
    f.call.class_mask = class_mask;
    f.call.class_weights = class_weights;
    f.call.row_weights = row_weights;
    f.call.known_statistics = statistics;
    f.call.upstream = upstream;
    f.call.output = gradient;
    f.call.output_layout = &f.shape->gradient;
    f.call.stream = worth_streaming(&f, gradient, logits, 2);
    status = run_kernel(family_of(&f)->cross_entropy_backward, &f.call);
  }
  return xent_frame_end(&f, report, status);
}
