/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels in float64 arithmetic in one tier (docs/numerics.md, sections 8 and 9). */
#include "kernels/f64/kl_divergence.h"
#include "kernels/tier/tier.h"

void XENT_TIER_NAME(f64_exponential)(const double *x, double N, double *e, double *one_by_one, int64_t n) {
  const f64_reference k = f64_reference_of(doubles_set(N), f64_temperature_of(0));
  f64_exponentials(x, e, n, &k);
  for (int64_t i = 0; i < n; i++) f64_exponentials(x + i, one_by_one + i, 1, &k);
}

void XENT_TIER_NAME(f64_tanh)(const double *x, double *t, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) doubles_store(t + i, f64_tanh(doubles_load(x + i)));
}

double XENT_TIER_NAME(f64_log)(double v) { return doubles_first(f64_log(doubles_set(v))); }
double XENT_TIER_NAME(f64_log1p)(double q) { return doubles_first(f64_log1p(doubles_set(q))); }
double XENT_TIER_NAME(f64_log1m)(double d) { return f64_log1m(d); }

xent_status XENT_TIER_NAME(kl_divergence)(const xent_call *call) { return f64_kl_divergence(call); }

const xent_family XENT_TIER_NAME(f64) = {
    .softmax_forward = f64_softmax,
    .log_sum_exp = f64_log_sum_exp_rows,
    .softmax_backward = f64_softmax_backward,
    .cross_entropy_forward = f64_cross_entropy,
    .cross_entropy_backward = f64_cross_entropy_backward,
    .forward_states = f64_forward_states,
    .backward_states = f64_backward_states,
    .finish = f64_finish,
};
