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

static xent_status forward_states(xent_frame *f);
const xent_function xent_of_forward_states = {
    XENT_ARGUMENTS(xent_forward_states_call, forward_places, 2, forward_states)};

static xent_status forward_states(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &xent_of_forward_states);
  if (!status) status = xent_check_places(f, &xent_of_forward_states);
  if (!status) status = check_target_rules(f, false);
  if (!status) status = check_share_is_known(f);
  if (!status) {
    c->digest = xent_digest_of(c);
    status = run_kernel(f, family_of(f)->forward_states);
  }
  return xent_end(f, status);
}

xent_status xent_forward_states(const xent_forward_states_call *c) {
  return xent_make_call(c, &xent_of_forward_states);
}

/* ---- states of a backward ---- */

#define PLACE(name, rule, need) XENT_PLACE(xent_backward_states_call, name, rule, need)
static const xent_place backward_places[] = {
    PLACE(output, KNOWN_OUTPUT, OPTIONAL), PLACE(upstream, UPSTREAM, NEEDED),
    PLACE(class_mask, CLASS_MASK, OPTIONAL), PLACE(states, STATES, NEEDED)};
#undef PLACE

static xent_status backward_states(xent_frame *f);
const xent_function xent_of_backward_states = {
    XENT_ARGUMENTS(xent_backward_states_call, backward_places, 2, backward_states), .backward = true};

static xent_status backward_states(xent_frame *f) {
  xent_status status = xent_begin_call(f, &xent_of_backward_states);
  if (!status) status = xent_check_places(f, &xent_of_backward_states);
  if (!status) status = run_kernel(f, family_of(f)->backward_states);
  return xent_end(f, status);
}

xent_status xent_backward_states(const xent_backward_states_call *c) {
  return xent_make_call(c, &xent_of_backward_states);
}

/* ---- finish ---- */

#define PLACE(name, rule) XENT_PLACE(xent_finish_call, name, rule, OPTIONAL)
static const xent_place finish_places[] = {
    PLACE(targets, TARGETS), PLACE(losses, LOSSES), PLACE(log_sum_exp, LOG_SUM_EXP), PLACE(hits, HITS),
    PLACE(class_weights, CLASS_WEIGHTS), PLACE(row_weights, ROW_WEIGHTS), PLACE(sink, SINK),
    XENT_PLACE(xent_finish_call, states, KNOWN_STATES, NEEDED),
    XENT_PLACE(xent_finish_call, statistics, STATISTICS, NEEDED), PLACE(tally, TALLY)};
#undef PLACE

static xent_status finish(xent_frame *f);
const xent_function xent_of_finish = {XENT_ARGUMENTS(xent_finish_call, finish_places, 4, finish), .needs_report = true,
                                      .logits_type = offsetof(xent_finish_call, logits_type),
                                      .choice = offsetof(xent_finish_call, second_round)};

/* Those of a softmax backward have no logits that would say in which arithmetic. */
static bool are_of_backward(const xent_call *c) {
  return !c->second_round && c->row_begin < c->row_end &&
         (known_states_at(c)->kind & XENT_KIND_MASK) == XENT_KIND_BACKWARD;
}

static xent_status finish(xent_frame *f) {
  xent_call *c = &f->call;
  c->second_round = f->choice != 0;
  xent_status status = xent_begin_call(f, &xent_of_finish);
  if (!status && !are_of_backward(c)) status = check_logits_type(f);
  if (!status) status = xent_check_places(f, &xent_of_finish);
  if (!status) status = check_target_rules(f, false);
  if (!status) status = check_outputs_of_targets(f);
  if (!status) {
    if (are_of_backward(c)) f->wide = c->wide = known_states_at(c)->kind & XENT_STATE_WIDE;
    c->digest = xent_digest_of(c);
    status = run_kernel(f, family_of(f)->finish);
  }
  return xent_end(f, status);
}

xent_status xent_finish(const xent_finish_call *c) { return xent_make_call(c, &xent_of_finish); }
