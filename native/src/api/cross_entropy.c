/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of cross-entropy. */
#include "api/calls.h"

#define PLACES(_, c)                                                                                               \
  _(c, logits, LOGITS, NEEDED) _(c, targets, TARGETS, OPTIONAL) _(c, losses, LOSSES, OPTIONAL)                     \
  _(c, log_sum_exp, LOG_SUM_EXP, OPTIONAL) _(c, correct, CORRECT, OPTIONAL) _(c, gradient, GRADIENT, OPTIONAL)         \
  _(c, target_weights, TARGET_WEIGHTS, OPTIONAL) _(c, class_mask, CLASS_MASK, OPTIONAL)                            \
  _(c, class_weights, CLASS_WEIGHTS, OPTIONAL) _(c, row_weights, ROW_WEIGHTS, OPTIONAL) _(c, sink, SINK, OPTIONAL) \
  XENT_ROW_OUTPUTS(_, c) _(c, row_offsets, ROW_OFFSETS, OPTIONAL) _(c, statistics, STATISTICS, OPTIONAL)           \
  _(c, exact_sum, EXACT_SUM, OPTIONAL) \
  _(c, target_count, TARGET_COUNT, OPTIONAL) _(c, top_count, TOP_COUNT, OPTIONAL)
XENT_PLACES(places, xent_cross_entropy_call, PLACES);

static xent_status forward(xent_frame *f);
const xent_entry xent_of_cross_entropy = {XENT_ARGUMENTS(xent_cross_entropy_call, 848, places, forward)};

static xent_status forward(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &xent_of_cross_entropy);
  if (!status) status = xent_check_arrays(f, &xent_of_cross_entropy);
  if (!status) status = check_top_count(f);
  if (!status) status = check_target_rules(f, true);
  if (!status) status = check_outputs_of_targets(f);
  if (!status) {
    use_gradient_as_output(f);
    if (c->statistics) c->digest = xent_digest_of(c);
    status = run_kernel(f, family_of(f)->cross_entropy_forward);
  }
  return xent_end(f, status);
}

xent_status xent_cross_entropy(const xent_cross_entropy_call *c) { return xent_make_call(c, &xent_of_cross_entropy); }

/* ---- backward ---- */

#define BACKWARD_PLACES(_, c)                                                                            \
  _(c, logits, LOGITS, NEEDED) _(c, targets, TARGETS, NEEDED) _(c, upstream, UPSTREAM_OF_ROWS, OPTIONAL) \
  _(c, gradient, GRADIENT, NEEDED) _(c, target_weights, TARGET_WEIGHTS, OPTIONAL)                        \
  _(c, class_mask, CLASS_MASK, OPTIONAL) _(c, class_weights, CLASS_WEIGHTS, OPTIONAL)                    \
  _(c, row_weights, ROW_WEIGHTS, OPTIONAL) _(c, row_offsets, ROW_OFFSETS, OPTIONAL)                      \
  _(c, statistics, KNOWN_STATISTICS, NEEDED) \
  _(c, target_count, TARGET_COUNT, OPTIONAL) XENT_SHARD_SIZES(_, c)
XENT_PLACES(backward_places, xent_cross_entropy_backward_call, BACKWARD_PLACES);

static xent_status backward(xent_frame *f);
const xent_entry xent_of_cross_entropy_backward = {
    XENT_ARGUMENTS(xent_cross_entropy_backward_call, 456, backward_places, backward)};

static xent_status backward(xent_frame *f) {
  xent_call *c = &f->call;
  xent_status status = xent_begin_call(f, &xent_of_cross_entropy_backward);
  if (!status) status = xent_check_arrays(f, &xent_of_cross_entropy_backward);
  if (!status) status = check_target_rules(f, true);
  if (!status) status = xent_check_statistics(f, kind_of_targets(f), xent_digest_of(c));
  if (!status) {
    use_gradient_as_output(f);
    status = run_kernel(f, family_of(f)->cross_entropy_backward);
  }
  return xent_end(f, status);
}

xent_status xent_cross_entropy_backward(const xent_cross_entropy_backward_call *c) {
  return xent_make_call(c, &xent_of_cross_entropy_backward);
}
