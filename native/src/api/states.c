/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of rows in parts. */
#include "api/calls.h"

/* ---- states of a forward ---- */

#define FORWARD_PLACES(_, c)                                                                           \
  _(c, logits, LOGITS, NEEDED) _(c, targets, TARGETS, OPTIONAL) _(c, class_mask, CLASS_MASK, OPTIONAL) \
  _(c, target_weights, TARGET_WEIGHTS, OPTIONAL) _(c, class_weights, CLASS_WEIGHTS, OPTIONAL)          \
  _(c, statistics, KNOWN_STATISTICS, OPTIONAL) _(c, states, STATES, NEEDED) \
  _(c, target_count, TARGET_COUNT, OPTIONAL) XENT_SHARD_SIZES(_, c)
XENT_PLACES(forward_places, xent_forward_states_call, FORWARD_PLACES);

static xent_status forward_states(xent_frame *f);
const xent_entry xent_of_forward_states = {
    XENT_ARGUMENTS(xent_forward_states_call, 304, forward_places, forward_states)};

static xent_status forward_states(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &xent_of_forward_states);
  if (!status) status = xent_check_arrays(f, &xent_of_forward_states);
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

#define BACKWARD_PLACES(_, c)                                                                                  \
  _(c, output, KNOWN_OUTPUT, OPTIONAL) _(c, upstream, UPSTREAM, NEEDED) _(c, class_mask, CLASS_MASK, OPTIONAL) \
  _(c, states, STATES, NEEDED) \
  XENT_SHARD_SIZES(_, c)
XENT_PLACES(backward_places, xent_backward_states_call, BACKWARD_PLACES);

static xent_status backward_states(xent_frame *f);
const xent_entry xent_of_backward_states = {
    XENT_ARGUMENTS(xent_backward_states_call, 208, backward_places, backward_states), .backward = true,
    .own_options = XENT_OPTIONS_OF_SOFTMAX_BACKWARD};

static xent_status backward_states(xent_frame *f) {
  xent_status status = xent_begin_call(f, &xent_of_backward_states);
  if (!status) status = xent_check_arrays(f, &xent_of_backward_states);
  if (!status) status = run_kernel(f, family_of(f)->backward_states);
  return xent_end(f, status);
}

xent_status xent_backward_states(const xent_backward_states_call *c) {
  return xent_make_call(c, &xent_of_backward_states);
}

/* ---- finish ---- */

#define FINISH_PLACES(_, c)                                                                                        \
  _(c, targets, TARGETS, OPTIONAL) _(c, losses, LOSSES, OPTIONAL) _(c, log_sum_exp, LOG_SUM_EXP, OPTIONAL)         \
  _(c, correct, CORRECT, OPTIONAL) _(c, class_weights, CLASS_WEIGHTS, OPTIONAL)                                \
  _(c, row_weights, ROW_WEIGHTS, OPTIONAL)                                                                          \
  _(c, sink, SINK, OPTIONAL) _(c, states, KNOWN_STATES, NEEDED) _(c, statistics, STATISTICS, NEEDED)               \
  _(c, exact_sum, EXACT_SUM, OPTIONAL) \
  _(c, target_count, TARGET_COUNT, OPTIONAL)
XENT_PLACES(finish_places, xent_finish_call, FINISH_PLACES);

static xent_status finish(xent_frame *f);
const xent_entry xent_of_finish = {
    XENT_ARGUMENTS(xent_finish_call, 376, finish_places, finish), .needs_report = true,
    .logits_type = offsetof(xent_finish_call, logits_type), .choice = offsetof(xent_finish_call, second_round)};

/* A softmax backward has no logits whose type selects the arithmetic; without rows, its states are not known. */
static bool are_of_backward(const xent_call *c) {
  return !c->second_round && c->row_begin < c->row_end &&
         (known_states_at(c)->kind & XENT_KIND_MASK) == XENT_KIND_BACKWARD;
}

static xent_status finish(xent_frame *f) {
  xent_call *c = &f->call;
  c->second_round = f->choice != 0;
  xent_status status = xent_begin_call(f, &xent_of_finish);
  const bool unknown = c->row_begin == c->row_end && c->shape->logits.type == XENT_NO_TYPE;
  if (!status && !unknown && !are_of_backward(c)) status = check_logits_type(f);
  if (!status) status = xent_check_arrays(f, &xent_of_finish);
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
