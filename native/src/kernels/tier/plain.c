/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of plain calls in one tier. */
#include "kernels/columns/cross_entropy.h"
#include "kernels/columns/softmax.h"
#include "kernels/columns/softmax_backward.h"
#include "kernels/states/states.h"
#include "kernels/tier/tier.h"

void XENT_TIER_NAME(exponential)(const float *x, float N, float *e, int64_t n) {
  const exp_reference r = exp_reference_of(N);
  int64_t i = 0;
  for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes v[2] = {lanes_load(x + i), lanes_load(x + i + XENT_LANES)};
    exp_lanes(v, 2, r);
    lanes_store(e + i, v[0]);
    lanes_store(e + i + XENT_LANES, v[1]);
  }
  for (; i < n; i++) e[i] = exp_one(x[i], r);
}

const xent_family XENT_TIER_NAME(plain) = {
    .softmax_forward = softmax_by_layout,
    .log_sum_exp = log_sum_exp_by_layout,
    .softmax_backward = softmax_backward_by_layout,
    .cross_entropy_forward = cross_entropy_by_layout,
    .cross_entropy_backward = cross_entropy_backward_by_layout,
    .forward_states = forward_states,
    .backward_states = backward_states,
    .finish = finish,
};
