/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of rows in parts. */
#include "api/calls.h"

enum { FORWARD_USUAL = 2, BACKWARD_USUAL = 2, FINISH_USUAL = 4 };

/* ---- states of a forward ---- */

#define PLACE(name, rule, needed) XENT_PLACE(forward_states, name, rule, needed)
static const xent_place forward_places[] = {
    PLACE(logits, LOGITS, true), PLACE(targets, TARGETS, false), PLACE(class_mask, CLASS_MASK, false),
    PLACE(target_weights, TARGET_WEIGHTS, false), PLACE(class_weights, CLASS_WEIGHTS, false)};
#undef PLACE

static xent_status forward_states(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin(f, false);
  if (!status) status = xent_check_ranges(f);
  if (!status)
    status = xent_check_statistics_of(f, c->known_statistics, false);
  if (!status) status = xent_check_states_of(f, c->states);
  if (!status) status = XENT_CHECK_PLACES(f, forward_places, FORWARD_USUAL);
  if (!status) status = check_target_rules(f, false);
  if (!status) status = check_share_is_known(f);
  if (!status) {
    c->digest = xent_digest_of(c);
    status = run_kernel(family_of(f)->forward_states, c);
  }
  return xent_end(f, status);
}

XENT_ENTRY(forward_states, forward_states, forward_places, FORWARD_USUAL, c->classes,
           (f.call.known_statistics = c->statistics, f.call.states = c->states), forward_states(&f))

xent_status xent_forward_states_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                   int64_t row_end, int64_t class_begin, int64_t class_end, const void *logits,
                                   const void *targets, const void *target_weights, const void *class_mask,
                                   const void *class_weights, const xent_statistics *statistics, xent_state *states,
                                   xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .class_begin = class_begin, .class_end = class_end, .logits = logits, .targets = targets,
                       .target_weights = target_weights, .class_mask = class_mask, .class_weights = class_weights,
                       .known_statistics = statistics, .states = states, .report = report};
  XENT_FIND_RARE(&f, forward_places, FORWARD_USUAL);
  return forward_states(&f);
}

/* ---- states of a backward ---- */

static const xent_place backward_places[] = {
    XENT_PLACE(backward_states, output, KNOWN_OUTPUT, false), XENT_PLACE(backward_states, upstream, UPSTREAM, true),
    XENT_PLACE(backward_states, class_mask, CLASS_MASK, false)};

static xent_status backward_states(xent_frame *f) {
  xent_status status = xent_begin(f, true);
  if (!status) status = xent_check_ranges(f);
  if (!status) status = xent_check_states_of(f, f->call.states);
  if (!status) status = XENT_CHECK_PLACES(f, backward_places, BACKWARD_USUAL);
  if (!status) status = run_kernel(family_of(f)->backward_states, &f->call);
  return xent_end(f, status);
}

XENT_ENTRY(backward_states, backward_states, backward_places, BACKWARD_USUAL, c->classes, f.call.states = c->states,
           backward_states(&f))

xent_status xent_backward_states_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                    int64_t row_end, int64_t class_begin, int64_t class_end, const void *output,
                                    const void *upstream, const void *class_mask, xent_state *states,
                                    xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .class_begin = class_begin, .class_end = class_end, .forward_output = output,
                       .upstream = upstream, .class_mask = class_mask, .states = states, .report = report};
  XENT_FIND_RARE(&f, backward_places, BACKWARD_USUAL);
  return backward_states(&f);
}

/* ---- finish ---- */

#define PLACE(name, rule) XENT_PLACE(finish, name, rule, false)
static const xent_place finish_places[] = {
    PLACE(targets, TARGETS), PLACE(losses, LOSSES), PLACE(log_sum_exp, LOG_SUM_EXP), PLACE(hits, HITS),
    PLACE(class_weights, CLASS_WEIGHTS), PLACE(row_weights, ROW_WEIGHTS), PLACE(sink, SINK)};
#undef PLACE

/* Those of a softmax backward have no logits that would say in which arithmetic. */
static bool are_of_backward(const xent_call *c) {
  return !c->second_round && c->row_begin < c->row_end &&
         (known_states_at(c)->kind & XENT_KIND_MASK) == XENT_KIND_BACKWARD;
}

static xent_status finish(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin(f, false);
  if (!status) status = xent_check_rows(f);
  if (!status && f->report == &f->own_report)
    status = xent_refuse(f, XENT_INVALID_ARGUMENT, XENT_FIELD_REPORT, 0);
  if (!status) status = xent_check_states_of(f, c->known_states);
  if (!status) status = xent_check_statistics_of(f, c->statistics, true);
  if (!status) status = xent_check_tally(f, c->tally);
  if (!status && !are_of_backward(c)) status = check_logits_type(f);
  if (!status) status = XENT_CHECK_PLACES(f, finish_places, FINISH_USUAL);
  if (!status) status = check_target_rules(f, false);
  if (!status) status = check_outputs_of_targets(f);
  if (!status) {
    if (are_of_backward(c)) f->wide = c->wide = known_states_at(c)->kind & XENT_STATE_WIDE;
    c->digest = xent_digest_of(c);
    status = run_kernel(family_of(f)->finish, c);
    set_denominator(f);
  }
  return xent_end(f, status);
}

XENT_ENTRY(finish, finish, finish_places, FINISH_USUAL, NULL,
           (f.own_shape.logits = (xent_layout){.type = c->logits_type}, f.call.second_round = c->second_round != 0,
            f.call.known_states = c->states, f.call.statistics = c->statistics, f.call.tally = c->tally),
           finish(&f))

xent_status xent_finish_at(const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end,
                           const xent_state *states, const void *targets, const void *class_weights,
                           const void *row_weights, const void *sink, int32_t second_round,
                           xent_statistics *statistics, void *losses, void *log_sum_exp, void *hits, xent_tally *tally,
                           xent_report *report) {
  xent_frame f;
  f.call = (xent_call){.shape = shape, .options = options, .row_begin = row_begin, .row_end = row_end,
                       .known_states = states, .targets = targets, .class_weights = class_weights,
                       .row_weights = row_weights, .sink = sink, .second_round = second_round != 0,
                       .statistics = statistics, .losses = losses, .log_sum_exp = log_sum_exp, .hits = hits,
                       .tally = tally, .report = report};
  XENT_FIND_RARE(&f, finish_places, FINISH_USUAL);
  return finish(&f);
}
