/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel, compiled once per tier with that tier's instruction set; XENT_TIER is its name. */
#include "kernels/columns/cross_entropy.h"
#include "kernels/columns/softmax.h"
#include "kernels/columns/softmax_backward.h"
#include "kernels/general/general.h"
#include "kernels/math/tanh.h"
#include "kernels/states/states.h"
#include "kernels/wide/wide.h"

static void exponential(const float *x, float N, float *e, int64_t n) {
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

static void tanh_of(const float *x, float *t, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_LANES) lanes_store(t + i, tanh_lanes(lanes_load(x + i)));
}

static void f64_exponential(const double *x, double N, double *e, double *one_by_one, int64_t n) {
  const f64_reference k = f64_reference_of(N);
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    dlanes v = dlanes_load(x + i);
    f64_exp_lanes(&v, 1, k);
    dlanes_store(e + i, v);
  }
  for (int64_t i = 0; i < n; i++) one_by_one[i] = f64_exp_one(x[i], k);
}

static void f64_tanh_of(const double *x, double *t, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_LANES) dlanes_store(t + i, f64_tanh_lanes(dlanes_load(x + i)));
}

const xent_kernels XENT_TIER_NAME(kernels) = {
    .plain = {softmax_by_layout, log_sum_exp_by_layout, softmax_backward_by_layout, cross_entropy_by_layout,
              cross_entropy_backward_by_layout, forward_states, backward_states, finish},
    .general = {general_softmax, general_log_sum_exp, general_softmax_backward, general_cross_entropy,
                general_cross_entropy_backward, general_forward_states, general_backward_states, general_finish},
    .wide = {f64_softmax, f64_log_sum_exp_rows, f64_softmax_backward, f64_cross_entropy,
             f64_cross_entropy_backward, f64_forward_states, f64_backward_states, f64_finish},
    .kl_divergence = f64_kl_divergence,
    .exponential = exponential,
    .tanh = tanh_of,
    .wide_exponential = f64_exponential,
    .wide_tanh = f64_tanh_of,
    .wide_log = f64_log,
    .wide_log1p = f64_log1p,
    .wide_log1m = f64_log1m,
};
