/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels in float64 arithmetic in one tier. */
#include "kernels/wide/wide.h"

#include "kernels/tier/tier.h"
#include "kernels/wide/wide.h"

void XENT_TIER_NAME(wide_exponential)(const double *x, double N, double *e, double *one_by_one, int64_t n) {
  const f64_reference k = f64_reference_of(N);
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    dlanes v = dlanes_load(x + i);
    f64_exp_lanes(&v, 1, k);
    dlanes_store(e + i, v);
  }
  for (int64_t i = 0; i < n; i++) one_by_one[i] = f64_exp_one(x[i], k);
}

void XENT_TIER_NAME(wide_tanh)(const double *x, double *t, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_LANES) dlanes_store(t + i, f64_tanh_lanes(dlanes_load(x + i)));
}

double XENT_TIER_NAME(wide_log)(double v) { return f64_log(v); }
double XENT_TIER_NAME(wide_log1p)(double q) { return f64_log1p(q); }
double XENT_TIER_NAME(wide_log1m)(double d) { return f64_log1m(d); }

xent_status XENT_TIER_NAME(kl_divergence)(const xent_call *call) { return f64_kl_divergence(call); }

const xent_family XENT_TIER_NAME(wide) = {
    .softmax_forward = f64_softmax,
    .log_sum_exp = f64_log_sum_exp_rows,
    .softmax_backward = f64_softmax_backward,
    .cross_entropy_forward = f64_cross_entropy,
    .cross_entropy_backward = f64_cross_entropy_backward,
    .forward_states = f64_forward_states,
    .backward_states = f64_backward_states,
    .finish = f64_finish,
};
