/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of general calls in float32 arithmetic in one tier. */
#include "kernels/general/general.h"
#include "kernels/math/tanh.h"
#include "kernels/tier/tier.h"

void XENT_TIER_NAME(tanh)(const float *x, float *t, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_LANES) lanes_store(t + i, tanh_lanes(lanes_load(x + i)));
}

const xent_family XENT_TIER_NAME(general) = {
    .softmax_forward = softmax_of_any_type,
    .log_sum_exp = log_sum_exp_of_any_type,
    .softmax_backward = general_softmax_backward,
    .cross_entropy_forward = cross_entropy_of_any_type,
    .cross_entropy_backward = general_cross_entropy_backward,
    .forward_states = general_forward_states,
    .backward_states = general_backward_states,
    .finish = general_finish,
};
