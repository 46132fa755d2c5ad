/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of rows in parts. */
#include "api/calls.h"

/* ---- states of a forward ---- */

#define PLACE(name, rule, need) XENT_PLACE(xent_forward_states_call, name, rule, need)
static const xent_place forward_places[] = {
    PLACE(logits, LOGITS, NEEDED), PLACE(targets, TARGETS, OPTIONAL), PLACE(class_mask, CLASS_MASK, OPTIONAL),
    PLACE(target_weights, TARGET_WEIGHTS, OPTIONAL), PLACE(class_weights, CLASS_WEIGHTS, OPTIONAL),
    PLACE(statistics, KNOWN_STATISTICS, OPTIONAL), PLACE(states, STATES, NEEDED)};
#undef PLACE

static const xent_arguments forward_args = {XENT_ARGUMENTS(xent_forward_states_call, forward_places, 2)};

static xent_status forward_states(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &forward_args);
  if (!status) status = xent_check_places(f, &forward_args);
  if (!status) status = check_target_rules(f, false);
  if (!status) status = check_share_is_known(f);
  if (!status) {
    c->digest = xent_digest_of(c);
    status = run_kernel(family_of(f)->forward_states, c);
  }
  return xent_end(f, status);
}

xent_status xent_forward_states(const xent_forward_states_call *c) {
  return xent_run(c, &forward_args, forward_states);
}

xent_status xent_forward_states_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                   int64_t row_end, int64_t class_begin, int64_t class_end, const void *logits,
                                   const void *targets, const void *target_weights, const void *class_mask,
                                   const void *class_weights, const xent_statistics *statistics, xent_state *states,
                                   xent_report *report) {
  XENT_RUN_AT(forward_states, XENT_GIVEN_CLASSES, XENT_GIVEN_TARGETS, .logits = logits,
              .known_statistics = statistics, .states = states);
}

/* ---- states of a backward ---- */

#define PLACE(name, rule, need) XENT_PLACE(xent_backward_states_call, name, rule, need)
static const xent_place backward_places[] = {
    PLACE(output, KNOWN_OUTPUT, OPTIONAL), PLACE(upstream, UPSTREAM, NEEDED),
    PLACE(class_mask, CLASS_MASK, OPTIONAL), PLACE(states, STATES, NEEDED)};
#undef PLACE

static const xent_arguments backward_args = {
    XENT_ARGUMENTS(xent_backward_states_call, backward_places, 2), .backward = true};

static xent_status backward_states(xent_frame *f) {
  xent_status status = xent_begin_call(f, &backward_args);
  if (!status) status = xent_check_places(f, &backward_args);
  if (!status) status = run_kernel(family_of(f)->backward_states, &f->call);
  return xent_end(f, status);
}

xent_status xent_backward_states(const xent_backward_states_call *c) {
  return xent_run(c, &backward_args, backward_states);
}

xent_status xent_backward_states_at(const xent_shape *shape, const xent_options *options, int64_t row_begin,
                                    int64_t row_end, int64_t class_begin, int64_t class_end, const void *output,
                                    const void *upstream, const void *class_mask, xent_state *states,
                                    xent_report *report) {
  XENT_RUN_AT(backward_states, XENT_GIVEN_CLASSES, .forward_output = output, .upstream = upstream,
              .class_mask = class_mask, .states = states);
}

/* ---- finish ---- */

#define PLACE(name, rule) XENT_PLACE(xent_finish_call, name, rule, OPTIONAL)
static const xent_place finish_places[] = {
    PLACE(targets, TARGETS), PLACE(losses, LOSSES), PLACE(log_sum_exp, LOG_SUM_EXP), PLACE(hits, HITS),
    PLACE(class_weights, CLASS_WEIGHTS), PLACE(row_weights, ROW_WEIGHTS), PLACE(sink, SINK),
    XENT_PLACE(xent_finish_call, states, KNOWN_STATES, NEEDED),
    XENT_PLACE(xent_finish_call, statistics, STATISTICS, NEEDED), PLACE(tally, TALLY)};
#undef PLACE

static const xent_arguments finish_args = {
    XENT_ARGUMENTS(xent_finish_call, finish_places, 4), .needs_report = true};

/* Those of a softmax backward have no logits that would say in which arithmetic. */
static bool are_of_backward(const xent_call *c) {
  return !c->second_round && c->row_begin < c->row_end &&
         (known_states_at(c)->kind & XENT_KIND_MASK) == XENT_KIND_BACKWARD;
}

static xent_status finish_rows(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &finish_args);
  if (!status && !are_of_backward(c)) status = check_logits_type(f);
  if (!status) status = xent_check_places(f, &finish_args);
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

xent_status xent_finish(const xent_finish_call *c) {
  xent_frame f;
  const xent_status status = xent_take_call(&f, c, &finish_args);
  if (status) return status;
  f.own_shape.logits = (xent_layout){.type = c->logits_type};
  f.call.second_round = c->second_round != 0;
  return finish_rows(&f);
}

xent_status xent_finish_at(const xent_shape *shape, const xent_options *options, int64_t row_begin, int64_t row_end,
                           const xent_state *states, const void *targets, const void *class_weights,
                           const void *row_weights, const void *sink, int32_t second_round,
                           xent_statistics *statistics, void *losses, void *log_sum_exp, void *hits, xent_tally *tally,
                           xent_report *report) {
  XENT_RUN_AT(finish_rows, XENT_GIVEN_LOSSES, .known_states = states, .targets = targets,
              .class_weights = class_weights, .row_weights = row_weights, .sink = sink,
              .second_round = second_round != 0);
}
