/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a tier, and the kernels that need no further object, because each compiles in a moment: float64
 * arithmetic, divergences, sigmoids, binary cross-entropy, and functions that only tests call. */
#include "kernels/elements/binary.h"
#include "kernels/paths/f64/f64_kl_divergence.h"
#include "kernels/paths/f64/f64_paths.h"
#include "kernels/math/tanh.h"
#include "kernels/tier/tier.h"

const xent_family XENT_TIER_NAME(f64) = {
    .softmax_forward = f64_softmax,
    .log_sum_exp = f64_log_sum_exp,
    .softmax_backward = f64_softmax_backward,
    .cross_entropy_forward = f64_cross_entropy,
    .cross_entropy_backward = f64_cross_entropy,
    .forward_states = f64_forward_states,
    .backward_states = f64_backward_states,
    .finish = f64_finish,
};

/* ---- for the tests ---- */

static void test_exponential(const float *x, float N, double temperature, float *e, int64_t n) {
  const f32_temperature h = f32_temperature_of(temperature);
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

static void test_tanh(const float *x, float *t, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_LANES) {
    lanes v[1] = {lanes_load(x + i)};
    tanh_vectors(v, 1);
    lanes_store(t + i, v[0]);
  }
}

static void test_f64_exponential(const double *x, double N, double *e, double *one_by_one, int64_t n) {
  const f64_reference k = f64_reference_of(doubles_set(N), f64_temperature_of(0));
  f64_exponentials(x, e, n, &k);
  for (int64_t i = 0; i < n; i++) f64_exponentials(x + i, one_by_one + i, 1, &k);
}

static void test_f64_tanh(const double *x, double *t, int64_t n) {
  for (int64_t i = 0; i < n; i += XENT_DOUBLES) doubles_store(t + i, f64_tanh(doubles_load(x + i)));
}

static double test_f64_log(double v) { return doubles_first(f64_log(doubles_set(v))); }
static double test_f64_log1p(double q) { return doubles_first(f64_log1p(doubles_set(q))); }

/* ---- the table ---- */

const xent_kernels XENT_TIER_NAME(kernels) = {
    .f32 = &XENT_TIER_NAME(f32),
    .f64 = &XENT_TIER_NAME(f64),
    .kl_divergence = f64_kl_divergence,
    .sample = XENT_TIER_NAME(sample),
    .sigmoid = sigmoid_elements,
    .binary_cross_entropy = binary_cross_entropy,
    .selected = XENT_TIER_NAME(selected),
    .linear_cross_entropy = XENT_TIER_NAME(linear_cross_entropy),
    .linear_cross_entropy_backward = XENT_TIER_NAME(linear_cross_entropy_backward),
    .linear_states = XENT_TIER_NAME(linear_states),
    .kept_forward = XENT_TIER_NAME(kept_forward),
    .exponential = test_exponential,
    .tanh = test_tanh,
    .f64_exponential = test_f64_exponential,
    .f64_tanh = test_f64_tanh,
    .f64_log = test_f64_log,
    .f64_log1p = test_f64_log1p,
    .f64_log1m = f64_log1m,
};
