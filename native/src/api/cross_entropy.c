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

static xent_status forward(xent_frame *f);
const xent_function xent_of_cross_entropy = {XENT_ARGUMENTS(xent_cross_entropy_call, places, 6, forward)};

/* What a call with nothing but usual arrays, labels among them, has no need of. */
static xent_status check_rest(xent_frame *f) {
  xent_status status = xent_check_arrays(f, &xent_of_cross_entropy);
  if (!status) status = check_top_count(f);
  if (!status) status = check_target_rules(f, true);
  return status ? status : check_outputs_of_targets(f);
}

static xent_status forward(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &xent_of_cross_entropy);
  if (!status && !(c->targets && xent_arrays_are_usual(f, &xent_of_cross_entropy))) status = check_rest(f);
  if (!status) {
    output_is_gradient(f);
    if (c->statistics) c->digest = xent_digest_of(c);
    status = run_kernel(f, family_of(f)->cross_entropy_forward);
  }
  return xent_end(f, status);
}

xent_status xent_cross_entropy(const xent_cross_entropy_call *c) { return xent_make_call(c, &xent_of_cross_entropy); }

/* ---- backward ---- */

#define PLACE(name, rule, need) XENT_PLACE(xent_cross_entropy_backward_call, name, rule, need)
static const xent_place backward_places[] = {
    PLACE(logits, LOGITS, NEEDED), PLACE(targets, TARGETS, NEEDED), PLACE(upstream, UPSTREAM_OF_ROWS, OPTIONAL),
    PLACE(gradient, GRADIENT, NEEDED), PLACE(target_weights, TARGET_WEIGHTS, OPTIONAL),
    PLACE(class_mask, CLASS_MASK, OPTIONAL), PLACE(class_weights, CLASS_WEIGHTS, OPTIONAL),
    PLACE(row_weights, ROW_WEIGHTS, OPTIONAL), PLACE(row_offsets, ROW_OFFSETS, OPTIONAL),
    PLACE(statistics, KNOWN_STATISTICS, NEEDED)};
#undef PLACE

static xent_status backward(xent_frame *f);
const xent_function xent_of_cross_entropy_backward = {
    XENT_ARGUMENTS(xent_cross_entropy_backward_call, backward_places, 4, backward)};

static xent_status backward(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &xent_of_cross_entropy_backward);
  if (!status) status = xent_check_places(f, &xent_of_cross_entropy_backward);
  if (!status) status = check_target_rules(f, true);
  if (!status) status = xent_check_statistics(f, kind_of_targets(f), xent_digest_of(c));
  if (!status) {
    output_is_gradient(f);
    status = run_kernel(f, family_of(f)->cross_entropy_backward);
  }
  return xent_end(f, status);
}

xent_status xent_cross_entropy_backward(const xent_cross_entropy_backward_call *c) {
  return xent_make_call(c, &xent_of_cross_entropy_backward);
}
