/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax, cross-entropy and their gradients in float32 arithmetic; log-probabilities of selected classes. */
#include "kernels/paths.h"
#include "kernels/selected/selected.h"
#include "kernels/tier/tier.h"

const xent_family XENT_TIER_NAME(f32) = {
    .softmax_forward = forward_rows,
    .log_sum_exp = forward_rows,
    .softmax_backward = softmax_backward,
    .cross_entropy_forward = cross_entropy_forward,
    .cross_entropy_backward = cross_entropy_backward,
    .forward_states = generic_forward_states,
    .backward_states = backward_states,
    .finish = generic_finish,
};

/* The kernel of a forward with fixed arrays and types, chosen once for many calls. */
static xent_status each_forward(const xent_call *call) {
  call->report->path = XENT_PATH_EACH;
  return each_rows(call, generic_forward);
}
xent_kernel XENT_TIER_NAME(kept_forward)(const xent_call *call) {
  return !XENT_IS_OFF(XENT_PATH_EACH) && each_fits(call) ? each_forward : forward_rows;
}

xent_status XENT_TIER_NAME(selected)(const xent_call *call) {
  return selected_rows(call, call->wide ? &XENT_TIER_NAME(f64) : &XENT_TIER_NAME(f32));
}
