/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All kernels of one tier, XENT_TIER: this file is compiled once per instruction set. It is a single file, because code
 * shared by two kernels would otherwise be in the library twice.
 */
#include "kernels/elements/binary.h"
#include "kernels/families.h"
#include "kernels/linear/rows.h"
#include "kernels/sample/bits.h"
#include "kernels/sample/shards.h"
#include "kernels/selected/selected.h"

static xent_status sample_with_bytes(const xent_call *call) {
  return call->shape->all_classes ? sample_shards(call) : sample_call(call, f32_family.cross_entropy_forward);
}
static xent_status sample(const xent_call *call) { return sample_with_flags(call, sample_with_bytes); }

static xent_status linear_forward_call(const xent_call *call) {
  return linear_call(call, &f32_family, linear_cross_entropy);
}
static xent_status linear_backward_call(const xent_call *call) {
  return linear_call(call, &f32_family, linear_gradients);
}
static xent_status linear_states_call(const xent_call *call) { return linear_call(call, &f32_family, linear_states); }

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
    .f32 = &f32_family,
    .f64 = &f64_family,
    .kl_divergence = f64_kl_divergence,
    .sample = sample,
    .binary_cross_entropy = binary_cross_entropy,
    .selected = selected_rows,
    .linear_cross_entropy = linear_forward_call,
    .linear_cross_entropy_backward = linear_backward_call,
    .linear_states = linear_states_call,
    .kept_forward = kept_forward,
    .exponential = test_exponential,
    .tanh = test_tanh,
    .f64_exponential = test_f64_exponential,
    .f64_tanh = test_f64_tanh,
    .f64_log = test_f64_log,
    .f64_log1p = test_f64_log1p,
    .f64_log1m = f64_log1m,
};
