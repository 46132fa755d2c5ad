/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of cross-entropy and of rows in parts. */
#include "api/calls.h"
#include "api/label_check.h"

static xent_array targets_array(const xent_frame *f, const void *targets, bool optional) {
  return (xent_array){.address = targets,
                      .layout = &f->shape->targets,
                      .field = XENT_FIELD_TARGETS,
                      .per_row = f->shape->targets.type != XENT_F32,
                      .optional = optional,
                      .types = XENT_LABEL_TYPES | XENT_FLOAT_TYPES};
}

static xent_array logits_array(const xent_frame *f, const void *logits) {
  return (xent_array){.address = logits,
                      .layout = &f->shape->logits,
                      .field = XENT_FIELD_LOGITS,
                      .types = XENT_FLOAT_TYPES};
}

static xent_array row_output(const void *address, const xent_layout *layout, int32_t field, uint32_t types) {
  return (xent_array){.address = address, .layout = layout, .field = field, .per_row = true,
                      .written = true, .optional = true, .types = types};
}

static xent_array gradient_array(const xent_frame *f, const void *gradient, bool optional) {
  return (xent_array){.address = gradient,
                      .layout = &f->shape->gradient,
                      .field = XENT_FIELD_GRADIENT,
                      .written = true,
                      .optional = optional,
                      .in_place = XENT_IN_PLACE(XENT_FIELD_LOGITS),
                      .types = XENT_FLOAT_TYPES};
}

/* What labels have and probability rows have not. */
static xent_status check_target_rules(xent_frame *f, const void *targets, const void *hits) {
  if (!targets || f->shape->targets.type != XENT_F32) return XENT_OK;
  if (f->options->has_ignore_index) {
    f->report->field = XENT_FIELD_IGNORE_INDEX;
    f->report->value = (double)f->options->ignore_index;
    return XENT_INVALID_OPTION;
  }
  f->report->field = hits ? XENT_FIELD_HITS : XENT_FIELD_NONE;
  return hits ? XENT_INVALID_ARGUMENT : XENT_OK;
}

/* What only a call with targets can give. */
static xent_status check_outputs_of_targets(xent_frame *f, const void *targets, const void *losses,
                                            const void *hits, const xent_tally *tally) {
  if (targets || (!losses && !hits && !tally)) return XENT_OK;
  f->report->field = losses ? XENT_FIELD_LOSSES : hits ? XENT_FIELD_HITS : XENT_FIELD_TALLY;
  return XENT_INVALID_ARGUMENT;
}

static xent_status check_tally(xent_frame *f, const xent_tally *tally) {
  xent_status status = xent_check_struct(f, tally, _Alignof(xent_tally), XENT_FIELD_TALLY, true);
  if (!status && tally && tally->size != sizeof *tally) {
    f->report->field = XENT_FIELD_TALLY;
    f->report->integer = (int64_t)tally->size;
    status = XENT_INVALID_ARGUMENT;
  }
  return status;
}

static void set_denominator(xent_frame *f) { f->report->denominator = (double)f->report->counted; }

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

xent_status xent_check_targets(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                               int64_t row_end, const void *targets, xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, 0, f.shape->classes);
  if (!status) status = xent_check_struct(&f, report, _Alignof(xent_report), XENT_FIELD_REPORT, false);
  if (!status) {
    const xent_array arrays[] = {targets_array(&f, targets, false)};
    status = xent_check_arrays(&f, arrays, 1);
  }
  if (!status) status = check_target_rules(&f, targets, NULL);
  if (!status) {
    f.call.targets = targets;
    status = count_rows(&f);
    set_denominator(&f);
  }
  return xent_frame_end(&f, report, status);
}

xent_status xent_cross_entropy_forward(const xent_shape *shape, const xent_options *options,
                                       int64_t row_begin, int64_t row_end, const void *logits,
                                       const void *targets, void *losses, void *log_sum_exp, void *hits,
                                       void *gradient, xent_statistics *statistics, xent_tally *tally,
                                       xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, 0, f.shape->classes);
  if (!status)
    status = xent_check_struct(&f, statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, true);
  if (!status) status = check_tally(&f, tally);
  if (!status) {
    const xent_array arrays[] = {
        logits_array(&f, logits),
        targets_array(&f, targets, false),
        row_output(losses, &f.shape->losses, XENT_FIELD_LOSSES, XENT_FLOAT_TYPES),
        row_output(log_sum_exp, &f.shape->log_sum_exp, XENT_FIELD_LOG_SUM_EXP, XENT_FLOAT_TYPES),
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
    f.call.stream = worth_streaming(&f, gradient, logits);
    status = run_kernel(f.kernels->cross_entropy_forward, &f.call);
    set_denominator(&f);
  }
  return xent_frame_end(&f, report, status);
}

xent_status xent_cross_entropy_backward(const xent_shape *shape, const xent_options *options,
                                        int64_t row_begin, int64_t row_end, int64_t class_begin,
                                        int64_t class_end, const void *logits, const void *targets,
                                        const xent_statistics *statistics, const void *upstream,
                                        void *gradient, xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, class_begin, class_end);
  if (!status)
    status = xent_check_struct(&f, statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, false);
  if (!status) {
    const xent_array arrays[] = {logits_array(&f, logits),
                                 targets_array(&f, targets, false),
                                 {.address = upstream,
                                  .layout = &f.shape->upstream,
                                  .field = XENT_FIELD_UPSTREAM,
                                  .per_row = true,
                                  .optional = true,
                                  .types = XENT_FLOAT_TYPES},
                                 gradient_array(&f, gradient, false)};
    status = xent_check_arrays(&f, arrays, 4);
  }
  if (!status) status = check_target_rules(&f, targets, NULL);
  if (!status)
    status = xent_check_statistics(
        &f, statistics, f.shape->targets.type == XENT_F32 ? XENT_KIND_PROBABILITIES : XENT_KIND_LABEL);
  if (!status) {
    f.call.logits = logits;
    f.call.targets = targets;
    f.call.known_statistics = statistics;
    f.call.upstream = upstream;
    f.call.output = gradient;
    f.call.output_layout = &f.shape->gradient;
    f.call.stream = worth_streaming(&f, gradient, logits);
    status = run_kernel(f.kernels->cross_entropy_backward, &f.call);
  }
  return xent_frame_end(&f, report, status);
}

xent_status xent_forward_states(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                int64_t row_end, int64_t class_begin, int64_t class_end, const void *logits,
                                const void *targets, const xent_statistics *statistics, xent_state *states,
                                xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, class_begin, class_end);
  if (!status)
    status = xent_check_struct(&f, statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, true);
  if (!status) status = xent_check_struct(&f, states, _Alignof(xent_state), XENT_FIELD_STATES, false);
  if (!status) {
    const xent_array arrays[] = {logits_array(&f, logits), targets_array(&f, targets, true)};
    status = xent_check_arrays(&f, arrays, 2);
  }
  if (!status) status = check_target_rules(&f, targets, NULL);
  if (!status) {
    f.call.logits = logits;
    f.call.targets = targets;
    f.call.known_statistics = statistics;
    f.call.states = states;
    status = run_kernel(f.kernels->forward_states, &f.call);
  }
  return xent_frame_end(&f, report, status);
}

xent_status xent_backward_states(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                 int64_t row_end, int64_t class_begin, int64_t class_end,
                                 const void *output, const void *upstream, xent_state *states,
                                 xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, class_begin, class_end);
  if (!status) status = xent_check_struct(&f, states, _Alignof(xent_state), XENT_FIELD_STATES, false);
  if (!status) {
    const xent_array arrays[] = {
        {.address = output, .layout = &f.shape->output, .field = XENT_FIELD_OUTPUT, .optional = true,
         .types = XENT_FLOAT_TYPES},
        {.address = upstream, .layout = &f.shape->upstream, .field = XENT_FIELD_UPSTREAM,
         .types = XENT_FLOAT_TYPES}};
    status = xent_check_arrays(&f, arrays, 2);
  }
  if (!status) {
    f.call.forward_output = output;
    f.call.upstream = upstream;
    f.call.states = states;
    status = run_kernel(f.kernels->backward_states, &f.call);
  }
  return xent_frame_end(&f, report, status);
}

xent_status xent_finish(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                        int64_t row_end, const xent_state *states, const void *targets,
                        int32_t second_round, xent_statistics *statistics, void *losses, void *log_sum_exp,
                        void *hits, xent_tally *tally, xent_report *report) {
  xent_frame f;
  xent_status status = xent_frame_begin(&f, shape, options, report);
  if (!status) status = xent_frame_ranges(&f, row_begin, row_end, 0, f.shape->classes);
  if (!status) status = xent_check_struct(&f, report, _Alignof(xent_report), XENT_FIELD_REPORT, false);
  if (!status) status = xent_check_struct(&f, states, _Alignof(xent_state), XENT_FIELD_STATES, false);
  if (!status)
    status = xent_check_struct(&f, statistics, _Alignof(xent_statistics), XENT_FIELD_STATISTICS, false);
  if (!status) status = check_tally(&f, tally);
  if (!status) {
    const xent_array arrays[] = {
        targets_array(&f, targets, true),
        row_output(losses, &f.shape->losses, XENT_FIELD_LOSSES, XENT_FLOAT_TYPES),
        row_output(log_sum_exp, &f.shape->log_sum_exp, XENT_FIELD_LOG_SUM_EXP, XENT_FLOAT_TYPES),
        row_output(hits, &f.shape->hits, XENT_FIELD_HITS, XENT_TYPE_BIT(XENT_U8))};
    status = xent_check_arrays(&f, arrays, 4);
  }
  if (!status) status = check_target_rules(&f, targets, hits);
  if (!status) status = check_outputs_of_targets(&f, targets, losses, hits, tally);
  if (!status) {
    f.call.known_states = states;
    f.call.targets = targets;
    f.call.second_round = second_round != 0;
    f.call.statistics = statistics;
    f.call.losses = losses;
    f.call.log_sum_exp = log_sum_exp;
    f.call.hits = hits;
    f.call.tally = tally;
    status = run_kernel(f.kernels->finish, &f.call);
    set_denominator(&f);
  }
  return xent_frame_end(&f, report, status);
}
