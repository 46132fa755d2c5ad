/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels in float32 arithmetic in one tier. */
#include "kernels/choose.h"
#include "kernels/tier/tier.h"

void XENT_TIER_NAME(exponential)(const float *x, float N, double temperature, float *e, int64_t n) {
  const heat h = heat_of(temperature);
  const exp_references r = exp_everywhere(exp_reference_of(N, &h));
  int64_t i = 0;
  for (; i + 2 * XENT_LANES <= n; i += 2 * XENT_LANES) {
    lanes v[2] = {lanes_load(x + i), lanes_load(x + i + XENT_LANES)};
    exp_lanes(v, 2, &r, false, &h);
    lanes_store(e + i, v[0]);
    lanes_store(e + i + XENT_LANES, v[1]);
  }
  for (; i < n; i++) e[i] = exp_one(x[i], N, &h);
}

void XENT_TIER_NAME(tanh)(const float *x, float *t, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    lanes v[1] = {lanes_load(x + i)};
    tanh_vectors(v, 1);
    lanes_store(t + i, v[0]);
  }
}

const xent_family XENT_TIER_NAME(f32) = {
    .softmax_forward = softmax_forward,
    .log_sum_exp = softmax_forward,
    .softmax_backward = softmax_backward,
    .cross_entropy_forward = cross_entropy_forward,
    .cross_entropy_backward = cross_entropy_backward,
    .forward_states = careful_forward_states,
    .backward_states = backward_states,
    .finish = careful_finish,
};
